"""uvicorn's server with a beginning, and above all an end, that clients do not notice."""

import asyncio
import math
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import cast

import structlog
import uvicorn
from starlette.applications import Starlette
from uvicorn.config import STARTUP_FAILURE

from gateway.server.certificates import Certificate
from gateway.server.connection import HttpProtocol
from gateway.server.listen import BACKLOG
from gateway.settings import Settings

log = structlog.stdlib.get_logger("gateway.server")

LAST_WORD = 1.0
"""Seconds that an idle connection stays for a request that is on its way when a stop begins."""
TICK = 0.05
"""Seconds between two looks whether all is over."""
STOPS = (signal.SIGINT, signal.SIGTERM)
CLOSE = (b"connection", b"close")


class Server(uvicorn.Server):
    """Serves the app on one listening socket until a signal, and then drains.

    The stop: `app.state.stopping` is set, which readiness checks show; after SHUTDOWN_DELAY the
    listener is closed, and whoever has connected before is served; answers say
    `Connection: close`; connections end when they are idle, within SHUTDOWN_TIMEOUT. A second
    signal ends that at once. The exit status is 0, where uvicorn raises the signal again.
    """

    def __init__(
        self,
        app: Starlette,
        settings: Settings,
        certificate: Certificate | None = None,
        *,
        supervised: bool = False,
    ) -> None:
        """With a supervisor, who may repeat signals, only SIGQUIT ends a stop at once."""
        patience = settings.http_timeout
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
                timeout_keep_alive=math.ceil(patience),
            )
        )
        self._app = app
        self._ssl = None if certificate is None else certificate.context
        self._handshake = None if certificate is None else patience
        self._delay = settings.shutdown_delay
        self._patience = settings.shutdown_timeout
        self._supervised = supervised
        self._greetings: list[asyncio.Task[None]] = []
        """Connections that were taken from the kernel's queue at the end."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handled = STOPS + ((signal.SIGQUIT,) if self._supervised else ())
        before = {number: signal.signal(number, self.handle_exit) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def handle_exit(self, sig: int, frame: object) -> None:
        """The first signal begins the stop, the second one (with a supervisor SIGQUIT) ends it."""
        if sig == signal.SIGQUIT or (self.should_exit and not self._supervised):
            self.force_exit = True
        self.begin_stop()

    def begin_stop(self) -> None:
        """Stop as after a first signal."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                self._connection,
                sock=listener,
                ssl=self._ssl,
                backlog=BACKLOG,
                ssl_handshake_timeout=self._handshake,
            )
            for listener in sockets or ()
        ]
        self.started = True

    def _connection(self) -> HttpProtocol:
        return HttpProtocol(self.config, self.server_state, self.lifespan.state)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.stopping = True
        log.info("stopping", delay=self._delay, timeout=self._patience)
        await self._until(lambda: False, self._delay)
        await self._stop_listening(sockets or [])
        self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]
        for connection in list(self.server_state.connections):
            cast(HttpProtocol, connection).drain(LAST_WORD)
        if not await self._until(self._is_idle, self._patience):
            log.warning(
                "requests are cut off",
                reason="a second signal" if self.force_exit else "SHUTDOWN_TIMEOUT",
                requests=len(self.server_state.tasks),
                connections=len(self.server_state.connections),
            )
            await self._cut_off()
        await self.lifespan.shutdown()

    async def _stop_listening(self, listeners: list[socket.socket]) -> None:
        """Close the listeners, and serve those whose connection the kernel has taken already."""
        queues = [listener.dup() for listener in listeners]
        for server in self.servers:
            server.close()
        for listener in listeners:
            listener.close()
        for queue in queues:
            queue.setblocking(False)
            with queue, suppress(BlockingIOError):
                while True:
                    connected, _ = queue.accept()
                    self._greetings.append(asyncio.create_task(self._take(connected)))
        await asyncio.sleep(0)

    async def _take(self, connected: socket.socket) -> None:
        """Serve a connection that no listener has accepted."""
        with suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                self._connection,
                connected,
                ssl=self._ssl,
                ssl_handshake_timeout=self._handshake,
            )

    def _is_idle(self) -> bool:
        greeting = any(not task.done() for task in self._greetings)
        return not (self.server_state.connections or self.server_state.tasks or greeting)

    async def _until(self, is_over: Callable[[], bool], seconds: float) -> bool:
        """Wait for that, so long at most and not beyond a second signal; whether it is so."""
        deadline = time.monotonic() + seconds
        while not is_over():
            if self.force_exit or time.monotonic() >= deadline:
                return False
            await asyncio.sleep(TICK)
        return True

    async def _cut_off(self) -> None:
        """End what is left: requests with an answer that says so, if theirs has not begun."""
        tasks = [*self.server_state.tasks, *self._greetings]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_WORD)
        for connection in list(self.server_state.connections):
            connection.transport.close()
