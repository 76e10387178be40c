"""What the commands about the schema share: ask for it once, and say in one line why not."""

import uvloop

from gateway.cli.common import Failure, quiet_logs
from gateway.schema import discovery
from gateway.schema.discovery import Discovery
from gateway.schema.refresh import THREE_WAYS_OUT
from gateway.schema.sources import OPENCUE_PACKAGE, PACKAGE_PREFIX, NoReflection, NoSchema, NotReady
from gateway.settings import Settings
from gateway.upstream import GrpcUpstream

WITHOUT_CUEBOT = (
    "set CUEBOT_ENDPOINT to where it is, or do without it:"
    f" DESCRIPTOR_SOURCE={PACKAGE_PREFIX}{OPENCUE_PACKAGE}"
)


def discover(settings: Settings) -> Discovery:
    """What the settings lead to, in an event loop of its own.

    Raises Failure when Cuebot is not there or no schema can be had, and ConfigurationError when
    DESCRIPTOR_SOURCE is wrong.
    """
    quiet_logs()
    return uvloop.run(discover_once(settings))


async def discover_once(settings: Settings) -> Discovery:
    """`discover`, inside of an event loop."""
    upstream = GrpcUpstream(settings)
    try:
        return await discovery.discover(settings, upstream)
    except NotReady as error:
        raise Failure(f"{error}; {WITHOUT_CUEBOT}") from None
    except (NoReflection, NoSchema) as error:
        raise Failure(f"{error}. {THREE_WAYS_OUT}") from None
    finally:
        await upstream.close()
