"""Discovery once, for commands that want to know what there is and then end."""

import asyncio
from dataclasses import dataclass

from gateway.compat.profile import load_profile
from gateway.discovery.endpoints import reflection_of
from gateway.discovery.factory import choose_source
from gateway.schema.catalog import Catalog, build_catalog
from gateway.schema.description import NotReady, Schema
from gateway.schema.selection import Selection, selection_of
from gateway.settings.model import Settings
from gateway.upstream.balancer import Cuebot

PATIENCE = 10.0
"""Seconds that all of it may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What was found: everything that the source said, and what is made of it."""

    schema: Schema
    catalog: Catalog
    selection: Selection


async def discover(settings: Settings, upstream: Cuebot, patience: float = PATIENCE) -> Discovery:
    """Ask the configured source one time, for so many seconds at most.

    Raises ConfigurationError when there is no such source, NotReady when Cuebot does not answer
    in time, and NoReflection or NoSchema as the source does.
    """
    source = choose_source(settings.descriptor_source, reflection_of(upstream, patience))
    profile = load_profile(settings.compat_profile)
    selection = selection_of(settings)
    try:
        async with asyncio.timeout(patience):
            schema = await source.fetch()
    except TimeoutError:
        raise NotReady(
            f"Cuebot at {upstream.endpoint} did not describe itself within {patience:g} seconds"
        ) from None
    return Discovery(
        schema=schema, catalog=build_catalog(schema, selection, profile), selection=selection
    )
