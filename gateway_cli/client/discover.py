"""Discovering the schema once, for commands that need it."""

import asyncio

import uvloop

from gateway.compat.build import build_catalog
from gateway.compat.profile import load_profile
from gateway.discovery.files import OPENCUE_PACKAGE, PACKAGE_PREFIX
from gateway.discovery.reflection import reflection_of
from gateway.discovery.refresh import WHAT_TO_DO
from gateway.discovery.source import NoReflection, NotReady, choose_source
from gateway.errors import Code, GatewayError
from gateway.schema.catalog import Catalog
from gateway.schema.description import NoSchema
from gateway.schema.selection import Selection
from gateway.settings.model import Settings
from gateway.upstream.open import Cuebot, open_upstream

TIMEOUT = 10.0
"""Seconds that discovery may take."""
OR_THE_PACKAGE = (
    "set CUEBOT_ENDPOINT to its address, or work without it:"
    f" DESCRIPTOR_SOURCE={PACKAGE_PREFIX}{OPENCUE_PACKAGE}"
)
OR_AUTO = "; DESCRIPTOR_SOURCE=auto falls back to the installed opencue-proto"


def discover(settings: Settings) -> Catalog:
    """What the settings lead to, discovered in an event loop of its own.

    Raises GatewayError if Cuebot does not answer (UNAVAILABLE) or no schema can be had
    (FAILED_PRECONDITION), and ConfigurationError for a wrong DESCRIPTOR_SOURCE.
    """
    return uvloop.run(discover_once(settings))


async def discover_once(settings: Settings) -> Catalog:
    """The same for callers that are in an event loop."""
    upstream = open_upstream(settings)
    try:
        return await find_catalog(settings, upstream, TIMEOUT, OR_THE_PACKAGE)
    finally:
        await upstream.close()


async def find_catalog(
    settings: Settings, upstream: Cuebot, timeout: float, alternative: str
) -> Catalog:
    """Discover over this upstream within `timeout` seconds.

    Raises what `discover` does; `alternative` is what to do if Cuebot does not answer.
    """
    selection = Selection(include=settings.include_services, exclude=settings.exclude_services)
    try:
        source = choose_source(settings.descriptor_source, reflection_of(upstream, timeout))
        async with asyncio.timeout(timeout):
            schema = await source.fetch()
        return build_catalog(schema, selection, load_profile(settings.compat_profile))
    except TimeoutError:
        slow = f"Cuebot at {upstream.endpoint} did not describe itself within {timeout:g} seconds"
        raise GatewayError(Code.UNAVAILABLE, f"{slow}; {alternative}") from None
    except NotReady as error:
        raise GatewayError(Code.UNAVAILABLE, f"{error}; {alternative}") from None
    except (NoReflection, NoSchema) as error:
        refused = isinstance(error, NoReflection) and settings.descriptor_source == "reflection"
        message = f"{error}{OR_AUTO * refused}. {WHAT_TO_DO}"
        raise GatewayError(Code.FAILED_PRECONDITION, message) from None
