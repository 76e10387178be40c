"""The setting of proxies."""

from ipaddress import ip_network
from typing import Annotated

from pydantic import AfterValidator

from gateway.core.settings.model import Strict
from gateway.core.settings.types import Words


def check_proxies(values: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses and networks, but not all of them: a trusted proxy may name any client address."""
    for value in values:
        try:
            everybody = ip_network(value).prefixlen == 0
        except ValueError:
            everybody = True
        if everybody:
            example = "the addresses of your proxies (10.0.0.5, 10.0.8.0/24)"
            raise ValueError(f"expected {example}" + f", not {value!r}" * (len(values) > 1))
    return values


class ProxySettings(Strict):
    forwarded_allow_ips: Annotated[Words, AfterValidator(check_proxies)] = ()
