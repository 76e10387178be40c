"""Who can reach the gateway: its own machine alone, or others; and whether they may."""

from collections.abc import Iterable

from gateway.core.errors import ConfigurationError
from gateway.core.processes import Port
from gateway.core.settings.model import Settings
from gateway.core.settings.types import is_local

ANYWHERE = ("where its server listens is not known here",)
"""`reached_at` of a gateway in a server that is not its own."""


OPEN = "no feature identifies callers: everybody may call everything"


def reached_at(settings: Settings, ports: Iterable[Port]) -> tuple[str, ...]:
    """The settings, with their values, that make other machines reach the gateway, or a feature at
    one of its ports.

    Names other than `localhost` count, since they are not looked up.
    """
    hosts = {"REST_HOST": settings.rest_host} | {each.host_setting: each.host for each in ports}
    return tuple(f"{name}={host}" for name, host in hosts.items() if not is_local(host))


def check_open(settings: Settings, reached_at: tuple[str, ...]) -> None:
    """Raises ConfigurationError if a gateway that identifies nobody is reached by other machines,
    unless the settings say that it may.
    """
    if reached_at and not settings.open_to_all:
        raise ConfigurationError(
            f"OPEN_TO_ALL: {OPEN} ({', '.join(reached_at)}). Listen on 127.0.0.1, or set"
            " OPEN_TO_ALL=true if a proxy or a firewall decides who reaches it"
        )
