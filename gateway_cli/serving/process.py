"""One process that serves: what it makes at startup, and what signals do to it."""

import asyncio
import ctypes
import gc
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from functools import partial

import structlog

from gateway.app import create_app
from gateway.errors import ConfigurationError
from gateway.observe.logs import set_log_level
from gateway.observe.metrics_page import PATH
from gateway.observe.worker_metrics import WorkerMetrics
from gateway.server.certificate import Certificate
from gateway.settings.key_files import pair_of
from gateway.settings.model import Commit, Reloadable, Settings
from gateway_cli.certificate_files import load_certificate, make_context
from gateway_cli.serving.drain import Server
from gateway_cli.serving.listen import bound_url
from gateway_cli.serving.open_files import make_room
from gateway_cli.serving.reload import Reload

log = structlog.stdlib.get_logger("gateway")

LARGE_BLOCK = 2**20
"""Bytes from which on memory is the system's again as soon as it is free."""
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""mallopt(3)'s numbers."""
YOUNG_OBJECTS = 5_000, 5, 10
"""The collector's thresholds. It looks for cycles among what requests under way have made, most of
which is freed without it: at Python's own 700 objects that is a tenth of a small call. A look at
25,000 takes some 2 ms."""
FREED_AFTER = 2.0
"""Seconds after which hardly a call is still made with a catalog that has been replaced."""

RELOADABLE_LOG_LEVEL = Reloadable(
    "the log level", ("log_level",), lambda settings: partial(set_log_level, settings.log_level)
)


async def serve(
    settings: Settings,
    listener: socket.socket,
    load: Callable[[], Settings],
    supervised: Callable[[Server], None] | None = None,
    *,
    metrics_listener: socket.socket | None = None,
    worker_metrics: WorkerMetrics | None = None,
    reload: bool = False,
    first: bool = True,
) -> None:
    """Run the gateway on the listening socket until a signal asks it to stop.

    `metrics_listener` is the socket of METRICS_PORT, `worker_metrics` what workers share.
    `load` reads the settings again, for SIGHUP. Whoever supervises this process is told
    (`supervised`) when it is about to listen, and sends SIGQUIT for what a second signal is
    otherwise. With `reload` the settings are read again before it begins, as after a SIGHUP.
    Raises ConfigurationError when the settings cannot work; for globs that match nothing in the
    schema only if it is the `first` process to serve, and the schema is there by then.
    """
    give_back_memory()
    certificate = load_certificate(settings)
    app = create_app(settings, worker_metrics)

    def begin() -> None:
        if first and app.parts.live.current is None and app.parts.live.unmatched:
            raise ConfigurationError(*app.parts.live.unmatched)
        if supervised is not None:
            supervised(server)
        tls = certificate is not None
        log.info("listening", url=bound_url(listener, tls=tls))
        if metrics_listener is not None:
            scrapes = f"{bound_url(metrics_listener, tls=tls)}{PATH}"
            log.info("listening for scrapes", url=scrapes)

    server = Server(
        app,
        settings,
        certificate,
        begin,
        supervised=supervised is not None,
        metrics_listener=metrics_listener,
    )
    parts = [*app.parts.reloadable, RELOADABLE_LOG_LEVEL]
    if certificate is not None:
        parts.append(reloadable_certificate(certificate))
    reloading = Reload(settings, parts, load, app.parts.live.request_refresh)
    with suppress(NotImplementedError):  # where there is no SIGHUP
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reloading)
    if reload:
        await reloading.run()
    app.parts.live.listeners.append(CatalogCollector())
    make_room(server.limit)
    # Old schemas are garbage in cycles, and a full collection holds the event loop: 50 to 70 ms
    # with all that startup has made, some 15 ms without.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*YOUNG_OBJECTS)
    await server.serve(sockets=[listener])
    log.info("stopped")


class CatalogCollector:
    """Frees a catalog that has been replaced.

    It refers to itself, and the collector would run only after five more of them, of 4 MB each. Its
    work is the same then: some 15 ms.
    """

    def catalog_replaced(self) -> None:
        asyncio.get_running_loop().call_later(FREED_AFTER, gc.collect)


def give_back_memory() -> None:
    """Have glibc give memory back to the system that is free.

    By itself it would take larger and larger blocks from the heap, between small ones that stay: of
    160 MB of answers it kept 155. And each thread would have a heap of its own, which keeps some MB
    of what the largest job in it has needed, although Python lets one thread at a time work.
    """
    with suppress(OSError, AttributeError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK)
        mallopt(M_ARENA_MAX, 1)


def reloadable_certificate(certificate: Certificate) -> Reloadable:
    """The certificate: its files may have other contents, or be others. HTTPS stays HTTPS."""

    def prepare(settings: Settings) -> Commit:
        pair = pair_of(settings, "tls")
        if pair is None:
            raise ConfigurationError("TLS_CERT_FILE and TLS_KEY_FILE: without them only a restart")
        context = make_context(pair)
        return lambda: certificate.use(context)

    return Reloadable("the certificate and its key", ("tls_cert_file", "tls_key_file"), prepare)
