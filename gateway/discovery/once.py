"""Discovery once, for commands that want to know what there is and then end."""

import asyncio
from dataclasses import dataclass

from gateway.compat.build import build_catalog
from gateway.compat.profile import Profile
from gateway.discovery.source import DescriptorSource, NotReady
from gateway.schema.catalog import Catalog
from gateway.schema.description import Schema
from gateway.schema.selection import Selection

TIMEOUT = 10.0
"""Seconds that all of it may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What was found: the schema, and the catalog that is made of it."""

    schema: Schema
    catalog: Catalog
    selection: Selection


async def discover(
    source: DescriptorSource,
    selection: Selection,
    profile: Profile,
    *,
    endpoint: str,
    timeout: float = TIMEOUT,
) -> Discovery:
    """Ask the source one time, for so many seconds at most. `endpoint` is Cuebot's, for messages.

    Raises NotReady when Cuebot does not answer in time, and NoReflection or NoSchema as the source
    does.
    """
    try:
        async with asyncio.timeout(timeout):
            schema = await source.fetch()
    except TimeoutError:
        raise NotReady(
            f"Cuebot at {endpoint} did not describe itself within {timeout:g} seconds"
        ) from None
    return Discovery(
        schema=schema, catalog=build_catalog(schema, selection, profile), selection=selection
    )
