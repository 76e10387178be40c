"""uvicorn's server with a beginning, and above all an end, that clients do not notice."""

import asyncio
import signal
import socket
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, cast

import structlog
import uvicorn
from uvicorn.config import STARTUP_FAILURE

from gateway.app import Gateway
from gateway.server.certificate import Certificate
from gateway.server.connection_limit import Crowd
from gateway.server.http1.answer import CLOSE
from gateway.server.http1.protocol import HttpProtocol
from gateway.server.listen import BACKLOG, deafen
from gateway.settings.model import Settings

log = structlog.stdlib.get_logger("gateway.server")

FIRST_LOOK = 5.0
"""Seconds that the beginning waits for the schema, and clients in the kernel's queue for it."""
LAST_WORD = 1.0
"""Seconds that an idle connection stays for a request that is on its way when a stop begins."""
TICK = 0.05
"""Seconds between two looks whether all is over."""
STOPS = (signal.SIGINT, signal.SIGTERM)


class Server(uvicorn.Server):
    """Serves the app on one listening socket until a signal, and then drains.

    The stop: `readiness.stopping` is set, which readiness checks show; after SHUTDOWN_DELAY the
    listener is closed, and whoever has connected before is served; answers say
    `Connection: close`; connections end when they are idle, within SHUTDOWN_TIMEOUT. A second
    signal ends that at once. The exit status is 0, where uvicorn raises the signal again.
    """

    def __init__(
        self,
        app: Gateway,
        settings: Settings,
        certificate: Certificate | None = None,
        *,
        supervised: bool = False,
    ) -> None:
        """With a supervisor, who may repeat signals, only SIGQUIT ends a stop at once."""
        patience = settings.http_timeout
        protocol = partial(HttpProtocol, crowd=Crowd(settings.max_connections), patience=patience)
        super().__init__(
            uvicorn.Config(
                app,
                loop="uvloop",
                http=cast(Any, protocol),  # it asks for a class, and calls it
                ws="none",
                lifespan="on",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
            )
        )
        self._app = app
        self._protocol = protocol
        self._ssl = None if certificate is None else certificate.context
        self._handshake = None if certificate is None else patience
        self._delay = settings.shutdown_delay
        self._patience = settings.shutdown_timeout
        self._supervised = supervised
        self._handshakes: weakref.WeakSet[Handshake] = weakref.WeakSet()
        self._greetings: list[asyncio.Task[None]] = []
        """Connections that were taken from the kernel's queue at the end."""
        self._draining = False
        self._leaving: dict[HttpProtocol, float] = {}
        """When a connection that is being closed has been seen first (monotonic seconds)."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        handled = STOPS + ((signal.SIGQUIT,) if self._supervised else ())
        before = {number: signal.signal(number, self.handle_exit) for number in handled}
        # A supervisor holds signals back until somebody handles them.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (*handled, signal.SIGHUP))
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
        await self._first_look()
        loop = asyncio.get_running_loop()
        self.servers = [
            await loop.create_server(
                self._connection if self._ssl is None else self._begin_handshake,
                sock=listener,
                ssl=self._ssl,
                backlog=BACKLOG,
                ssl_handshake_timeout=self._handshake,
            )
            for listener in sockets or ()
        ]
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

    def _connection(self) -> HttpProtocol:
        return self._protocol(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )

    def _begin_handshake(self) -> "Handshake":
        handshake = Handshake(self._end_handshake)
        self._handshakes.add(handshake)
        return handshake

    def _end_handshake(self, handshake: "Handshake", transport: asyncio.Transport) -> None:
        self._handshakes.discard(handshake)
        connection = self._connection()
        transport.set_protocol(connection)
        connection.connection_made(transport)
        if self._draining:
            connection.drain(LAST_WORD)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.parts.readiness.stopping = True
        log.info("stopping", delay=self._delay, timeout=self._patience)
        await self._until(lambda: False, self._delay)
        await self._stop_listening(sockets or [])
        self._draining = True
        await self._renew_headers()
        for connection in self._connections():
            connection.drain(LAST_WORD)
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
            deafen(queue)
            queue.setblocking(False)
            with queue, suppress(BlockingIOError):
                while True:
                    connected, _ = queue.accept()
                    self._greetings.append(asyncio.create_task(self._take(connected)))
        await asyncio.sleep(0)

    async def _take(self, connected: socket.socket) -> None:
        """Serve a connection that no listener has accepted."""
        connection = self._connection()
        with suppress(OSError):
            await asyncio.get_running_loop().connect_accepted_socket(
                lambda: connection,  # with TLS, uvloop gives back a protocol of its own
                connected,
                ssl=self._ssl,
                ssl_handshake_timeout=self._handshake,
            )
            connection.drain(LAST_WORD)

    def _connections(self) -> list[HttpProtocol]:
        return [cast(HttpProtocol, each) for each in self.server_state.connections]

    def _is_idle(self) -> bool:
        self._let_go()
        greeting = self._handshakes or any(not task.done() for task in self._greetings)
        return not (self.server_state.connections or self.server_state.tasks or greeting)

    def _let_go(self) -> None:
        """Do not wait for those who have been told that it is over and do not say so in turn.

        In TLS that is a pool's idle connection, say, which nobody reads.
        """
        now = time.monotonic()
        for connection in self._connections():
            transport = connection.transport
            if not transport.is_closing() or transport.get_write_buffer_size():
                continue
            if now >= self._leaving.setdefault(connection, now) + LAST_WORD:
                transport.abort()

    async def _until(self, is_over: Callable[[], bool], seconds: float) -> bool:
        """Wait for that, so long at most and not beyond a second signal; whether it is so."""
        deadline = time.monotonic() + seconds
        while not is_over():
            if self.force_exit or time.monotonic() >= deadline:
                return False
            await self._renew_headers()
            await asyncio.sleep(TICK)
        return True

    async def _renew_headers(self) -> None:
        """The headers of every answer: uvicorn's (the date), and at last `Connection: close`."""
        await self.on_tick(0)
        if self._draining:
            self.server_state.default_headers += [CLOSE]

    async def _cut_off(self) -> None:
        """End what is left: requests with an answer that says so, if theirs has not begun."""
        tasks = [*self.server_state.tasks, *self._greetings]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=LAST_WORD)
        for connection in self._connections():
            connection.transport.close()


class Handshake(asyncio.Protocol):
    """Stands for a connection until its TLS handshake is over, so that a stop knows of it.

    When the handshake fails, nobody is told; but then nothing refers to this any more.
    """

    def __init__(self, on_end: Callable[["Handshake", asyncio.Transport], None]) -> None:
        self._on_end = on_end

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._on_end(self, cast(asyncio.Transport, transport))
