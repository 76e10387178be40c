"""What the commands about the schema share: ask for it once, and say in one line why not."""

import uvloop

from gateway.cli.terminal.failures import Failure, quiet_logs
from gateway.compat.profile import load_profile
from gateway.discovery import once
from gateway.discovery.endpoints import reflection_of
from gateway.discovery.factory import choose_source
from gateway.discovery.once import TIMEOUT, Discovery
from gateway.discovery.package import OPENCUE_PACKAGE, PACKAGE_PREFIX
from gateway.discovery.refresh import THREE_WAYS_OUT
from gateway.discovery.source import NoReflection, NotReady
from gateway.errors import Code
from gateway.schema.description import NoSchema
from gateway.schema.selection import Selection
from gateway.settings.model import Settings
from gateway.upstream.open import Cuebot, open_upstream

WITHOUT_CUEBOT = (
    "set CUEBOT_ENDPOINT to where it is, or do without it:"
    f" DESCRIPTOR_SOURCE={PACKAGE_PREFIX}{OPENCUE_PACKAGE}"
)

NOT_ONLY_REFLECTION = "; DESCRIPTOR_SOURCE=auto takes the installed opencue-proto then"


class Unreachable(Failure):
    """Cuebot does not answer."""


def discover(settings: Settings) -> Discovery:
    """What the settings lead to, in an event loop of its own.

    Raises Failure when Cuebot is not there or no schema can be had, and ConfigurationError when
    DESCRIPTOR_SOURCE is wrong.
    """
    quiet_logs()
    return uvloop.run(discover_once(settings))


async def discover_once(settings: Settings) -> Discovery:
    """`discover`, inside of an event loop."""
    upstream = open_upstream(settings)
    try:
        return await ask(settings, upstream, TIMEOUT, WITHOUT_CUEBOT)
    finally:
        await upstream.close()


async def ask(settings: Settings, upstream: Cuebot, patience: float, otherwise: str) -> Discovery:
    """Discover over this upstream, for so many seconds at most.

    Raises Unreachable, with `otherwise` as the way out, and the rest as `discover`.
    """
    try:
        return await once.discover(
            choose_source(settings.descriptor_source, reflection_of(upstream, patience)),
            Selection(include=settings.include_services, exclude=settings.exclude_services),
            load_profile(settings.compat_profile),
            endpoint=upstream.endpoint,
            timeout=patience,
        )
    except NotReady as error:
        reason = str(error).replace(f"{Code.UNAVAILABLE.name}: ", "")  # that is said already
        raise Unreachable(f"{reason}; {otherwise}") from None
    except (NoReflection, NoSchema) as error:
        refused = isinstance(error, NoReflection) and settings.descriptor_source == "reflection"
        raise Failure(f"{error}{NOT_ONLY_REFLECTION * refused}. {THREE_WAYS_OUT}") from None
