"""uvicorn's server with a beginning, and above all an end, that clients do not notice."""

import asyncio
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import structlog
import uvicorn
from uvicorn.config import STARTUP_FAILURE

from gateway.app import Gateway
from gateway.errors import ConfigurationError
from gateway.http.proxies import TrustedProxies
from gateway.server.accept import Acceptor
from gateway.server.certificate import Certificate
from gateway.server.connection_limit import ConnectionLimit
from gateway.server.http1.asgi import AsgiService
from gateway.server.http1.context import ServerContext
from gateway.server.http1.protocol import HttpProtocol
from gateway.server.http1.unfinished import UnfinishedMemory
from gateway.settings.model import Settings
from gateway_cli.serving.heap import Heap

log = structlog.stdlib.get_logger("gateway.server")

FIRST_LOOK = 5.0
"""Seconds that the beginning waits for the schema, and clients in the kernel's queue for it."""
CUT_OFF = 1.0
"""Seconds that requests have to be answered once they are cut off."""
METRICS_CONNECTIONS = 64
"""Those on METRICS_PORT at once."""
TICK = 0.05
"""Seconds between two looks whether all is over."""
STOPS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def handling(numbers: Iterable[int], handler: Callable[[int, object], object]) -> Iterator[None]:
    """While this lasts, these signals are the handler's."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


class Server(uvicorn.Server):
    """Serves the app on one listening socket until a signal, and then drains.

    The stop: `readiness.stopping` is set, which readiness checks show; after `shutdown_delay` the
    listener is closed, and whoever has connected before is served; answers say
    `Connection: close`; connections end when they are idle, within `shutdown_timeout`. A second
    signal ends that at once. The exit status is 0, where uvicorn raises the signal again.
    """

    def __init__(
        self,
        app: Gateway,
        settings: Settings,
        certificate: Certificate | None,
        begin: Callable[[], object] = lambda: None,
        *,
        supervised: bool = False,
        metrics_listener: socket.socket | None = None,
    ) -> None:
        """Without a certificate this is plain HTTP.

        `begin` is called when the schema has been looked for, before connections are accepted. If
        it raises ConfigurationError, `serve` does.
        With a supervisor, who may repeat signals, only SIGQUIT ends a stop at once.
        `metrics_listener` is the socket of METRICS_PORT.
        """
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=HttpProtocol,
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
            )
        )
        self._app = app
        self._begin = begin
        self._http_timeout = settings.http_timeout
        self._trusted = TrustedProxies(settings.forwarded_allow_ips).trusts
        self.limit = ConnectionLimit(
            settings.max_connections, settings.max_connections_per_address, self._trusted
        )
        if app.parts.metrics is not None:
            self.limit.on_full = app.parts.metrics.requests.turned_away
        self._metrics_listener = metrics_listener
        self._tls: dict[str, Any] = {}
        """What asyncio is told about TLS."""
        if certificate is not None:
            self._tls = {"ssl": certificate.context, "ssl_handshake_timeout": self._http_timeout}
        self._delay = settings.shutdown_delay
        self._shutdown_timeout = settings.shutdown_timeout
        self._supervised = supervised

    @property
    def connections(self) -> set[HttpProtocol]:
        """The connections that there are."""
        return self._context.connections

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handled = STOPS + ((signal.SIGQUIT,) if self._supervised else ())
        with handling(handled, self.handle_exit):
            # A supervisor holds signals back until somebody handles them.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (*handled, signal.SIGHUP))
            yield

    def handle_exit(self, sig: int, frame: object) -> None:
        """The first signal begins the stop, the second one (with a supervisor SIGQUIT) ends it."""
        if sig == signal.SIGQUIT or (self.should_exit and not self._supervised):
            self.force_exit = True
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        await self._first_look()
        try:
            self._begin()
        except ConfigurationError:
            await self.lifespan.shutdown()
            raise
        await self.on_tick(0)  # the date
        loop, tasks = asyncio.get_running_loop(), self.server_state.tasks
        asgi = AsgiService(self._app, state=self.lifespan.state, tasks=tasks, loop=loop)
        self._context = ServerContext(
            serve=asgi,
            timeout=self._http_timeout,
            state=self.server_state,
            report=self._app.report_refused,
            trusted=self._trusted,
            unfinished=UnfinishedMemory(on_freed=Heap().trim_soon),
        )
        self.acceptor = Acceptor(sockets or (), self._context, self.limit, self._tls)
        self._acceptors = [self.acceptor]
        if self._metrics_listener is not None and self._app.metrics_app is not None:
            page = AsgiService(
                self._app.metrics_app, state=self.lifespan.state, tasks=tasks, loop=loop
            )
            context = replace(self._context, serve=page)
            limit = ConnectionLimit(METRICS_CONNECTIONS)
            self._acceptors.append(Acceptor([self._metrics_listener], context, limit, self._tls))
        self.started = True

    async def _first_look(self) -> None:
        """Wait until calls can be answered, or it is known that Cuebot cannot be asked now.

        Otherwise whoever calls in the first moments after a restart would get a 503.
        """
        looking = asyncio.ensure_future(self._app.parts.live.first_look())
        deadline = time.monotonic() + FIRST_LOOK
        while not (looking.done() or self.should_exit or time.monotonic() >= deadline):
            await asyncio.wait([looking], timeout=TICK)
        looking.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.parts.readiness.stopping = True
        log.info("stopping", delay=self._delay, timeout=self._shutdown_timeout)
        await self._until(lambda: False, self._delay)
        for acceptor in self._acceptors:
            acceptor.context.is_ending = True
        for connection in self.connections:
            connection.finish()
        for acceptor in self._acceptors:
            acceptor.close()
        if not await self._until(self._is_idle, self._shutdown_timeout):
            log.warning(
                "requests are cut off",
                reason="a second signal" if self.force_exit else "SHUTDOWN_TIMEOUT",
                requests=sum(each.is_answering for each in self.connections),
                connections=len(self.connections),
            )
            await self._cut_off()
        await self.lifespan.shutdown()

    def _is_idle(self) -> bool:
        return not (self.connections or self.server_state.tasks)

    async def _until(self, is_over: Callable[[], bool], seconds: float) -> bool:
        """Wait for that, so long at most and not beyond a second signal; whether it is so."""
        deadline = time.monotonic() + seconds
        while not is_over():
            if self.force_exit or time.monotonic() >= deadline:
                return False
            await self.on_tick(0)  # the date
            await asyncio.sleep(TICK)
        return True

    async def _cut_off(self) -> None:
        """End what is left: requests with an answer that says so, if theirs has not begun."""
        tasks = [*self.server_state.tasks]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CUT_OFF)
        for connection in [*self.connections]:
            connection.cut_off()
