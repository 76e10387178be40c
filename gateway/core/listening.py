"""What the listening sockets and the engines that serve their connections know of each other."""

import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import structlog
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from gateway.core.direct_connection import Refused
from gateway.core.errors import GatewayError, Shed, unavailable
from gateway.core.principal import address_key

WARNING_INTERVAL_SECONDS = 60.0
RESERVED_FILES = 128
"""File descriptors for logs, channels to Cuebot, and refused clients."""
BACKLOG_CONNECTIONS = 2048

log = structlog.stdlib.get_logger("gateway")


@dataclass(slots=True)
class Warnings:
    """Warnings in the log, of each event one in WARNING_INTERVAL_SECONDS."""

    clock: Callable[[], float] = time.monotonic
    _next: dict[str, float] = field(default_factory=dict)

    def warn_seldom(self, event: str, **values: object) -> None:
        now = self.clock()
        if now >= self._next.get(event, 0.0):
            self._next[event] = now + WARNING_INTERVAL_SECONDS
            log.warning(event, **values)


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
    warnings: Warnings = field(default_factory=Warnings)
    on_full: Callable[[GatewayError], object] = lambda error: None
    most_lingering: int = RESERVED_FILES // 2
    """Refused connections that may stay open until the client has read the reason."""
    _open: int = 0
    _lingering: int = 0
    _by_address: Counter[str] = field(default_factory=Counter)
    _fits: bool = True
    """Whether `most` is the configured limit, not one lowered by the file descriptors."""

    def enter(self, address: str) -> GatewayError | None:
        """Count a connection until `leave`, or return a 503 and log a warning once in a while."""
        if self._open >= self.most:
            whose = "MAX_CONNECTIONS" if self._fits else "the limit on open files (ulimit -n)"
            self.warnings.warn_seldom(
                f"as many connections as {whose} allows", max_connections=self.most
            )
            return self._no_place("too many connections (MAX_CONNECTIONS)", "connections")
        if self._is_counted(address):
            key = address_key(address)
            if self._by_address[key] >= self._allowed_per_address:
                name = "MAX_CONNECTIONS_PER_ADDRESS"
                self.warnings.warn_seldom(
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """What the connections of a server share, on whichever socket."""

    state: ServerState
    """uvicorn's: the connections, the tasks of requests, and the headers of every answer."""
    app_state: dict[str, Any]
    timeout: float
    """HTTP_TIMEOUT, in seconds."""
    tls: Mapping[str, Any]
    """asyncio's TLS options, empty for plain HTTP."""
    report: Callable[[Refused], object]
    trusted: Callable[[str], bool]


class Engine(Protocol):
    """What accepts connections and speaks HTTP/1.1 on them: our own server, or uvicorn's."""

    async def open(
        self, listeners: Sequence[socket.socket], app: ASGIApp, limit: ConnectionLimit
    ) -> None:
        """Serve the app on these sockets, which are closed by `finish`."""

    def finish(self) -> None:
        """Accept no more connections, and end those that are open as they become idle."""

    def answering(self) -> int:
        """The number of connections with a request that is being answered."""

    def cut_off(self) -> None:
        """Close the connections that are left."""
