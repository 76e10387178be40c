"""The numbers that the gateway's parts have anyway, read when somebody asks for them."""

import gc
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from gateway.access.fair_quota import FairQuota
from gateway.access.shared_limiter import SharedLimiter
from gateway.discovery.refresh import LiveCatalog
from gateway.observe.audit_log import AuditLog
from gateway.observe.metric_families import Numbers
from gateway.upstream.open import Cuebot

Source = Callable[[], Numbers]
"""Some of a worker's numbers."""

DESCRIPTORS = "/dev/fd"
STATM = Path("/proc/self/statm")
"""Pages of memory, on Linux: all, and those that are resident (proc(5))."""


def sources_of(
    upstream: Cuebot,
    live: LiveCatalog,
    slots: FairQuota,
    audit: AuditLog | None,
    shared: SharedLimiter | None,
    *,
    named: bool,
) -> list[Source]:
    """The numbers of these parts; `slots` are the ones of requests in flight.

    Endpoints are `named`, or have numbers in the order of CUEBOT_ENDPOINT.
    """
    sources: list[Source] = [
        lambda: {("requests_in_flight",): slots.taken},
        lambda: upstream_numbers(upstream, named=named),
        lambda: catalog_numbers(live),
    ]
    if audit is not None:
        sources.append(lambda: {("audit_lag_seconds",): audit.lag})
        sources.append(lambda: {("audit_dropped_total",): audit.lost})
    if shared is not None:
        sources.append(lambda: {("store_up",): int(shared.link.up)})
        sources.append(lambda: {("store_losses_total",): shared.link.losses})
        sources.append(lambda: {("store_bypassed_total",): shared.without})
    return sources


def process_numbers() -> Numbers:
    """Of this process, as far as the system tells."""
    found: Numbers = {
        ("gc_collections_total", str(generation)): each["collections"]
        for generation, each in enumerate(gc.get_stats())
    }
    with suppress(OSError):
        found["open_descriptors",] = len(os.listdir(DESCRIPTORS)) - 1  # the listing's own
    with suppress(OSError):
        pages = int(STATM.read_text(encoding="ascii").split()[1])
        found["resident_memory_bytes",] = pages * os.sysconf("SC_PAGE_SIZE")
    return found


def upstream_numbers(upstream: Cuebot, *, named: bool) -> Numbers:
    """Of each endpoint of Cuebot, by its name or its number."""
    found: Numbers = {}
    for number, each in enumerate(upstream.endpoints, 1):
        name = each.endpoint if named else str(number)
        found["upstream_up", name] = int(each.ready)
        found["upstream_hanging", name] = int(each.unresponsive)
        found["upstream_connections", name] = each.connections
    return found


def catalog_numbers(live: LiveCatalog) -> Numbers:
    """Of the schema."""
    found: Numbers = {
        ("schema_refreshes_total", result): count for result, count in live.refreshes.items()
    }
    found["catalog_generation",] = live.generation
    return found
