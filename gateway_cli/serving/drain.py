"""uvicorn's server with a start and a stop that clients do not notice."""

import asyncio
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import structlog
import uvicorn
from uvicorn.config import STARTUP_FAILURE

from gateway.app import Gateway
from gateway.core.errors import ConfigurationError
from gateway.core.listening import Certificate, ConnectionLimit, Engine, Serving
from gateway.core.settings.model import Settings
from gateway_cli.serving.engines import open_engine

log = structlog.stdlib.get_logger("gateway.server")

SCHEMA_WAIT_SECONDS = 5.0
"""How long the start waits for the schema, with clients in the kernel's queue."""
CUT_OFF_SECONDS = 1.0
"""How long cut-off requests may take to be answered."""
FURTHER_CONNECTIONS = 64
"""Connections on each port of a feature."""
TICK_SECONDS = 0.05
STOPS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def handling(numbers: Iterable[int], handler: Callable[[int, object], object]) -> Iterator[None]:
    """A context in which the handler gets these signals."""
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, former in before.items():
            signal.signal(number, former)


class Server(uvicorn.Server):
    """Serves the app on one listening socket until a signal, and then drains.

    The stop: `readiness.stopping` is set; after `shutdown_delay` the listener is closed; answers
    say `Connection: close`, and connections end when they are idle, within `shutdown_timeout`. A
    second signal ends that at once. The exit status is 0, where uvicorn raises the signal again.
    """

    def __init__(
        self,
        app: Gateway,
        settings: Settings,
        certificate: Certificate | None,
        begin: Callable[[], object] = lambda: None,
        *,
        supervised: bool = False,
        further: Sequence[socket.socket] = (),
    ) -> None:
        """Without a certificate, it is plain HTTP. `further` sockets are for the ports of features.

        `begin` is called after the wait for the schema, before connections are accepted; `serve`
        raises its ConfigurationError, and that of a feature. If `supervised`, only SIGQUIT ends a
        stop at once, since the supervisor may repeat signals.
        """
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=asyncio.Protocol,  # not used: the engine has its own
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
        self._trusted = app.parts.trusts
        self.limit = ConnectionLimit(
            settings.max_connections, settings.max_connections_per_address, self._trusted
        )
        self.limit.on_full = app.parts.refusals.turned_away
        self._further = further
        self._tls: dict[str, Any] = {}
        """Options of asyncio's servers."""
        if certificate is not None:
            self._tls = {"ssl": certificate.context, "ssl_handshake_timeout": self._http_timeout}
        self._delay = settings.shutdown_delay
        self._shutdown_timeout = settings.shutdown_timeout
        self._supervised = supervised

    @property
    def connections(self) -> set[Any]:
        """Objects of the engine's own."""
        return self.server_state.connections

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handled = STOPS + ((signal.SIGQUIT,) if self._supervised else ())
        with handling(handled, self.handle_exit):
            # The supervisor has blocked signals until they are handled.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, (*handled, signal.SIGHUP))
            yield

    def handle_exit(self, sig: int, frame: object) -> None:
        """The first signal begins the stop, the second one (if supervised, SIGQUIT) ends it."""
        if sig == signal.SIGQUIT or (self.should_exit and not self._supervised):
            self.force_exit = True
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        if self._app.problem:
            raise ConfigurationError(self._app.problem)
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        await self._first_look()
        try:
            self._begin()
        except ConfigurationError:
            await self.lifespan.shutdown()
            raise
        await self.on_tick(0)  # the date
        self.engine: Engine = open_engine(
            Serving(
                state=self.server_state,
                app_state=self.lifespan.state,
                timeout=self._http_timeout,
                tls=self._tls,
                report=self._app.report_refused,
                trusted=self._trusted,
            )
        )
        await self.engine.open(sockets or (), self._app.answer, self.limit)
        for listener, app in zip(self._further, self._app.further_apps, strict=True):
            await self.engine.open([listener], app, ConnectionLimit(FURTHER_CONNECTIONS))
        self.started = True

    async def _first_look(self) -> None:
        """Wait for the first look for a schema; otherwise early requests would get a 503."""
        looking = asyncio.ensure_future(self._app.parts.live.first_look())
        deadline = time.monotonic() + SCHEMA_WAIT_SECONDS
        while not (looking.done() or self.should_exit or time.monotonic() >= deadline):
            await asyncio.wait([looking], timeout=TICK_SECONDS)
        looking.cancel()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.parts.readiness.stopping = True
        log.info("stopping", delay=self._delay, timeout=self._shutdown_timeout)
        await self._until(lambda: False, self._delay)
        self.engine.finish()
        if not await self._until(self._is_idle, self._shutdown_timeout):
            log.warning(
                "requests are cut off",
                reason="a second signal" if self.force_exit else "SHUTDOWN_TIMEOUT",
                requests=self.engine.answering(),
                connections=len(self.connections),
            )
            await self._cut_off()
        await self.lifespan.shutdown()

    def _is_idle(self) -> bool:
        return not (self.connections or self.server_state.tasks)

    async def _until(self, is_over: Callable[[], bool], seconds: float) -> bool:
        """Wait until it is over, the time is up or a second signal comes. Returns whether it is
        over.
        """
        deadline = time.monotonic() + seconds
        while not is_over():
            if self.force_exit or time.monotonic() >= deadline:
                return False
            await self.on_tick(0)  # the date
            await asyncio.sleep(TICK_SECONDS)
        return True

    async def _cut_off(self) -> None:
        """Cancel the remaining requests, which answers them if possible, and close connections."""
        tasks = [*self.server_state.tasks]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=CUT_OFF_SECONDS)
        self.engine.cut_off()
