"""One serving process: its startup, its memory settings, and its reload."""

import asyncio
import ctypes
import gc
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

import structlog

from gateway.app import create_app
from gateway.core.errors import ConfigurationError
from gateway.core.logs import set_log_level
from gateway.core.processes import Worker
from gateway.core.settings.model import Reloadable, Settings
from gateway.features.catalog import further_ports
from gateway_cli.serving.drain import Server
from gateway_cli.serving.engines import HAS_OURS, UNBOUNDED
from gateway_cli.serving.listen import (
    bound_url,
    load_certificate,
    make_room,
    reloadable_certificate,
)
from gateway_cli.serving.reload import Reload

log = structlog.stdlib.get_logger("gateway")

MMAP_THRESHOLD_BYTES = 2**20
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""Parameters of mallopt(3)."""
GC_THRESHOLDS = 5_000, 5, 10
"""Requests leave few cycles: with Python's own 700 young objects, collections take a tenth of a
small call. A collection of 25,000 takes some 2 ms."""
CATALOG_FREED_AFTER_SECONDS = 2.0
"""Hardly any call still uses a replaced catalog then."""

RELOADABLE_LOG_LEVEL = Reloadable(
    "the log level", ("log_level",), lambda settings: partial(set_log_level, settings.log_level)
)


async def serve(
    settings: Settings,
    listener: socket.socket,
    load: Callable[[], Settings],
    supervised: Callable[[Server], None] | None = None,
    *,
    further: Sequence[socket.socket] = (),
    worker: Worker | None = None,
    reload: bool = False,
    first: bool = True,
) -> None:
    """Run the gateway on the listening socket until a signal stops it. `further` sockets are for
    the ports of features.

    `load` reads the settings again on SIGHUP; with `reload`, also before the start. `supervised` is
    called when the process is about to listen. Raises ConfigurationError; for globs that match
    nothing, and features that cannot compile, only in the `first` process, if the schema is there
    by then.
    """
    give_back_memory()
    certificate = load_certificate(settings)
    app = create_app(settings, worker)
    live = app.parts.live

    def begin() -> None:
        problems = (*live.globs.unmatched, *live.history.broken)
        if first and live.current is None and problems:
            raise ConfigurationError(*problems)
        if supervised is not None:
            supervised(server)
        if first and not HAS_OURS:
            log.warning(UNBOUNDED)
        tls = certificate is not None
        log.info("listening", url=bound_url(listener, tls=tls))
        for port, each in zip(further_ports(settings), further, strict=True):
            log.info(f"listening for {port.serves}", url=f"{bound_url(each, tls=tls)}{port.path}")

    server = Server(
        app,
        settings,
        certificate,
        begin,
        supervised=supervised is not None,
        further=further,
    )
    parts = [*app.reloadable, RELOADABLE_LOG_LEVEL]
    if certificate is not None:
        parts.append(reloadable_certificate(certificate))
    reloading = Reload(settings, parts, load, live.request_refresh)
    with suppress(NotImplementedError):  # a system without SIGHUP
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reloading)
    if reload:
        await reloading.run()
    live.on_replaced = collect_catalog_soon
    make_room(server.limit)
    # Replaced schemas are cycles, and a full collection blocks the event loop: 50 to 70 ms with
    # the objects of the startup, some 15 ms without.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)
    await server.serve(sockets=[listener])
    log.info("stopped")


def collect_catalog_soon() -> None:
    """Collect a replaced catalog, in some 15 ms.

    It is a cycle of 4 MB, and the collector by itself would wait for five more of them.
    """
    asyncio.get_running_loop().call_later(CATALOG_FREED_AFTER_SECONDS, gc.collect)


def give_back_memory() -> None:
    """Have glibc return free memory to the system.

    By default it takes larger and larger blocks from the heap, between small ones that stay: of 160
    MB of answers it kept 155. And each thread has a heap of its own, which keeps some MB.
    """
    with suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES)
        mallopt(M_ARENA_MAX, 1)
