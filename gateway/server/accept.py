"""Accepts connections, each counted before anything is read from it.

uvloop's server would not report failed or stalled TLS handshakes, and would close connections
silently when the process is out of file descriptors.
"""

import asyncio
import os
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import structlog

from gateway.core.errors import GatewayError, Shed, unavailable
from gateway.core.principal import address_key
from gateway.server.http1.protocol import HttpProtocol
from gateway.server.http1.request_cycle import last_answer
from gateway.server.http1.state import OPENING, ServerContext

WARNING_INTERVAL_SECONDS = 60.0
RESERVED_FILES = 128
"""File descriptors for logs, channels to Cuebot, and refused clients."""
BACKLOG_CONNECTIONS = 2048
ACCEPT_BATCH_SIZE = 16
ACCEPT_PAUSE_SECONDS = 0.5

log = structlog.stdlib.get_logger("gateway")


@dataclass(slots=True)
class ConnectionLimit:
    """The connection limits of one server, counted from acceptance on.

    `most` may be open at once, `most_per_address` of them from one address (an IPv6 /64) that is
    not `trusted`; 0 is no limit, and None is half of `most`, so that one client cannot take all.
    Refused connections do not count.
    """

    most: int
    most_per_address: int | None = 0
    trusted: Callable[[str], bool] = lambda address: False
    """Whether an address is shared by many clients, such as a proxy's."""
    clock: Callable[[], float] = time.monotonic
    on_full: Callable[[GatewayError], object] = lambda error: None
    most_lingering: int = RESERVED_FILES // 2
    """Refused connections that may stay open until the client has read the reason."""
    _open: int = 0
    _lingering: int = 0
    _by_address: Counter[str] = field(default_factory=Counter)
    _fits: bool = True
    """Whether `most` is the configured limit, not one lowered by the file descriptors."""
    _next_warnings: dict[str, float] = field(default_factory=dict)

    def enter(self, address: str) -> GatewayError | None:
        """Count a connection until `leave`, or return a 503 and log a warning once in a while."""
        if self._open >= self.most:
            whose = "MAX_CONNECTIONS" if self._fits else "the limit on open files (ulimit -n)"
            self._warn(f"as many connections as {whose} allows", max_connections=self.most)
            return self._no_place("too many connections (MAX_CONNECTIONS)", "connections")
        if self._is_counted(address):
            key = address_key(address)
            if self._by_address[key] >= self._allowed_per_address:
                name = "MAX_CONNECTIONS_PER_ADDRESS"
                self._warn(
                    f"as many connections from one address as {name} allows",
                    address=key,
                    max_connections_per_address=self._allowed_per_address,
                )
                problem = f"too many connections from your address ({name})"
                return self._no_place(problem, "connections_per_address")
            self._by_address[key] += 1
        self._open += 1
        return None

    def leave(self, address: str) -> None:
        self._open -= 1
        if self._is_counted(address):
            key = address_key(address)
            self._by_address[key] -= 1
            if not self._by_address[key]:
                del self._by_address[key]

    def linger(self) -> bool:
        """Whether a refused connection may stay for a while, until `linger_no_more`."""
        if self._lingering >= self.most_lingering:
            return False
        self._lingering += 1
        return True

    def linger_no_more(self) -> None:
        self._lingering -= 1

    def fit(self, files: int) -> bool:
        """Lower the limits to what `files` file descriptors allow; whether that was needed."""
        others = min(RESERVED_FILES, files // 2)
        self.most_lingering = min(self.most_lingering, others // 2)
        if self.most > files - others:
            self.most = max(1, files - others)
            self._fits = False
        return not self._fits

    @property
    def _allowed_per_address(self) -> int:
        half = (self.most + 1) // 2
        return half if self.most_per_address is None else self.most_per_address

    def _is_counted(self, address: str) -> bool:
        return self.most_per_address != 0 and not self.trusted(address)

    def _no_place(self, problem: str, cause: Shed) -> GatewayError:
        error = unavailable(f"there are {problem}", cause)
        self.on_full(error)
        return error

    def _warn(self, event: str, **values: object) -> None:
        now = self.clock()
        if now >= self._next_warnings.get(event, 0.0):
            self._next_warnings[event] = now + WARNING_INTERVAL_SECONDS
            log.warning(event, **values)


class Certificate:
    """TLS 1.2 or newer (RFC 8996). The listener keeps `context`; `use` changes its certificate."""

    def __init__(self, current: ssl.SSLContext) -> None:
        self._current = current
        self.context = current
        self.context.sni_callback = self._show

    def use(self, current: ssl.SSLContext) -> None:
        """Use the pair of this context (a filled `empty_context`) for new connections."""
        self._current = current

    def _show(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        connection.context = self._current


def empty_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


class Acceptor:
    def __init__(
        self,
        listeners: Iterable[socket.socket],
        context: ServerContext[HttpProtocol],
        limit: ConnectionLimit,
        tls: Mapping[str, Any],
    ) -> None:
        """`tls` are asyncio's TLS options, empty for plain HTTP."""
        self.listeners = [*listeners]
        self.context = context
        self._limit = limit
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._next_warning = 0.0
        for listener in self.listeners:
            listener.setblocking(False)
            self._listen(listener)

    def close(self) -> None:
        """Close the sockets, and serve clients in the backlog, which would be reset otherwise."""
        listeners, self.listeners = self.listeners, []
        for listener in listeners:
            self._loop.remove_reader(listener)
            self._accept(listener, BACKLOG_CONNECTIONS)
            listener.close()

    def _listen(self, listener: socket.socket) -> None:
        if listener in self.listeners:
            self._loop.add_reader(listener, self._accept, listener, ACCEPT_BATCH_SIZE)

    def _accept(self, listener: socket.socket, most: int) -> None:
        for _ in range(most):
            try:
                accepted, name = listener.accept()
            except BlockingIOError:
                return
            except ConnectionAbortedError:  # the client has gone already
                continue
            except OSError as error:
                self._pause(listener, error)
                return
            self._admit(accepted, str(name[0]))

    def _pause(self, listener: socket.socket, error: OSError) -> None:
        now = self._loop.time()
        if now >= self._next_warning:
            self._next_warning = now + WARNING_INTERVAL_SECONDS
            log.warning(
                "no connections can be accepted; see the limits on open files (ulimit -n)",
                reason=os.strerror(error.errno or 0),
            )
        self._loop.remove_reader(listener)
        self._loop.call_later(ACCEPT_PAUSE_SECONDS, self._listen, listener)

    def _admit(self, accepted: socket.socket, address: str) -> None:
        """Open a connection, even if only to refuse it with a reason."""
        no_place = self._limit.enter(address)
        if no_place is None:
            leave: Callable[[], None] = partial(self._limit.leave, address)
        elif self._limit.linger():
            leave = self._limit.linger_no_more
        else:
            with accepted, suppress(OSError):
                if not self._tls:
                    answer = last_answer(no_place, self.context.state.default_headers)
                    accepted.send(answer, socket.MSG_DONTWAIT)
            return
        connection = HttpProtocol(self.context, leave, no_place)
        task = self._loop.create_task(self._open(accepted, connection))
        self.context.state.tasks.add(task)
        task.add_done_callback(self.context.state.tasks.discard)

    async def _open(self, accepted: socket.socket, connection: HttpProtocol) -> None:
        try:
            with suppress(OSError):  # also when the handshake takes too long
                await self._loop.connect_accepted_socket(lambda: connection, accepted, **self._tls)
        finally:
            if connection.state is OPENING:
                connection.leave()
