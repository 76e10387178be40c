"""A channel to one endpoint: connected when it is wanted, and connected again when it is lost.

It has the part of grpc.aio.Channel's behaviour that this gateway uses: its states, and calls that
wait for a first connection and fail at once while there is none to be had.
"""

import asyncio
import math
import os
import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from weakref import WeakSet

import grpc
import grpc.aio

from gateway.upstream.http2.connection import Connection
from gateway.upstream.http2.headers import literal
from gateway.upstream.http2.status import NotSent, failure, too_late
from gateway.upstream.transport import NeverSent, State

INDEXED_POST, INDEXED_HTTP, INDEXED_HTTPS = b"\x83", b"\x86", b"\x87"
"""`:method: POST` and `:scheme` in HPACK's static table (RFC 7541 appendix A)."""
TRIES = 5
"""How often a call may meet a connection that is going away."""
UNACKNOWLEDGED_MS = 20_000
"""How long what we send may stay without the other machine's acknowledgement (RFC 5482)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a channel behaves. Times are seconds, sizes bytes."""

    largest_message: int
    connect_timeout: float
    first_pause: float
    longest_pause: float
    """Between two tries to connect; each pause is twice the last one."""
    idle_timeout: float
    """After so long without a call, the connection is replaced when somebody wants it."""
    ping_every: float = 0.0
    """0: never."""
    ping_patience: float = 20.0


class Channel:
    """Makes unary calls to `endpoint` (`host:port`). To be made inside the running event loop."""

    def __init__(self, endpoint: str, manner: Manner, tls: ssl.SSLContext | None = None) -> None:
        self._endpoint = endpoint
        self._manner = manner
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._state = State.IDLE
        self._changed = asyncio.Event()
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._retiring: WeakSet[Connection] = WeakSet()
        """Connections on which calls are still being answered."""
        self._problem = ""
        """Why the latest try to connect has failed."""
        self._pause = 0.0
        """Seconds before the next try."""
        self._since = 0.0
        """The loop's time at which the connection has been made."""
        self._ping_every = manner.ping_every
        self._look: asyncio.TimerHandle | None = None
        self._head = lru_cache(maxsize=4096)(self._make_head)

    # --- Calls ------------------------------------------------------------------------------

    async def unary(
        self, path: str, payload: bytes, timeout: float, metadata: Sequence[tuple[str, str]]
    ) -> bytes:
        """The answer's message. Raises grpc.aio.AioRpcError for every other outcome."""
        deadline = self._loop.time() + timeout
        for _ in range(TRIES):
            connection = self._connection
            if connection is None:
                connection = await self._connected(timeout)
                timeout = deadline - self._loop.time()
            if timeout <= 0:
                raise too_late()
            head = b"".join(
                (
                    self._head(path),
                    literal(b"grpc-timeout", in_grpc(timeout)),
                    *[literal(name.encode(), value.encode()) for name, value in metadata],
                )
            )
            try:
                return await connection.unary(head, payload, deadline)
            except NotSent:
                timeout = deadline - self._loop.time()
        raise never_sent("failed to connect: connections do not last")

    def _make_head(self, path: str) -> bytes:
        """The headers that all calls of a method have in common."""
        scheme = INDEXED_HTTP if self._tls is None else INDEXED_HTTPS
        fields = (
            (b":path", path.encode()),
            (b":authority", self._endpoint.encode()),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            (b"user-agent", b"cuebot-gateway"),
            (b"grpc-accept-encoding", b"identity"),
        )
        return INDEXED_POST + scheme + b"".join(literal(*each) for each in fields)

    async def _connected(self, timeout: float) -> Connection:
        """A connection, waiting for one that is being made."""
        try:
            async with asyncio.timeout(timeout):
                while self._connection is None:
                    state = self.get_state(try_to_connect=True)
                    if state in (State.TRANSIENT_FAILURE, State.SHUTDOWN):
                        raise never_sent(
                            f"failed to connect to {self._endpoint}: {self._problem or 'closed'}"
                        )
                    await self.wait_for_state_change(state)
        except TimeoutError:
            raise failure(
                grpc.StatusCode.DEADLINE_EXCEEDED,
                f"Deadline Exceeded while connecting to {self._endpoint}",
            ) from None
        return self._connection

    # --- State ------------------------------------------------------------------------------

    def get_state(self, *, try_to_connect: bool = False) -> grpc.ChannelConnectivity:
        """READY with a connection, TRANSIENT_FAILURE from a failed try until the next success."""
        if try_to_connect and self._state is State.IDLE:
            self._set(State.CONNECTING)
            self._connecting = asyncio.create_task(self._connect())
        return self._state

    async def wait_for_state_change(self, last: grpc.ChannelConnectivity) -> None:
        """Return when the state is another one."""
        while self._state is last:
            await self._changed.wait()

    async def close(self) -> None:
        """End the connection and what is being called."""
        self._set(State.SHUTDOWN)
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        for connection in [*self._retiring, self._connection]:
            if connection is not None:
                connection.abort()
        if self._look is not None:
            self._look.cancel()

    def _set(self, state: grpc.ChannelConnectivity) -> None:
        if self._state is not state and self._state is not State.SHUTDOWN:
            self._state = state
            self._changed.set()
            self._changed = asyncio.Event()

    # --- Connecting -------------------------------------------------------------------------

    async def _connect(self) -> None:
        """Try until there is a connection."""
        while True:
            await asyncio.sleep(self._pause)
            self._pause = max(self._manner.first_pause, self._pause * 2)
            self._pause = min(self._pause, self._manner.longest_pause)
            try:
                connection = await self._try()
            except TimeoutError:
                self._problem = "no answer in time"
            except Exception as error:  # a channel that has stopped trying would never be mended
                self._problem = problem_of(error)
            else:
                self._use(connection)
                return
            self._set(State.TRANSIENT_FAILURE)

    async def _try(self) -> Connection:
        """A connection to one of the endpoint's addresses, each tried for its share of the time."""
        host, _, port = self._endpoint.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        ends = self._loop.time() + self._manner.connect_timeout
        async with asyncio.timeout_at(ends):
            found = await self._loop.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
        addresses = [str(address[0]) for *_, address in found]
        while True:
            address = addresses.pop(0)
            share = (ends - self._loop.time()) / (len(addresses) + 1)
            try:
                async with asyncio.timeout(share):
                    return await self._reach(address, int(port), host)
            except OSError:
                if not addresses:
                    raise

    async def _reach(self, address: str, port: int, host: str) -> Connection:
        """A connection to `address`, whose certificate is for `host`."""
        transport, connection = await self._loop.create_connection(
            lambda: Connection(largest_message=self._manner.largest_message, on_end=self._on_end),
            address,
            port,
            ssl=self._tls,
            server_hostname=host if self._tls is not None else None,
        )
        try:
            if self._tls is not None:
                agreed = transport.get_extra_info("ssl_object").selected_alpn_protocol()
                if agreed != "h2":
                    raise ConnectionError("the server does not offer HTTP/2 (ALPN)")
            notice_silence(transport)
            await connection.ready
        except BaseException:
            connection.abort()
            raise
        return connection

    def _use(self, connection: Connection) -> None:
        if not connection.usable:  # it has ended in this very moment
            self._set(State.IDLE)
            return
        self._connection = connection
        self._since = self._loop.time()
        self._problem = ""
        self._set(State.READY)
        if self._look is not None:
            self._look.cancel()
        self._look_after()

    def _on_end(self, connection: Connection) -> None:
        """There will be no more calls on this connection; those that there are may finish."""
        if self._connection is connection:
            self._connection = None
            self._retiring.add(connection)
            lasted = self._loop.time() - self._since >= self._manner.longest_pause
            if connection.useful or lasted:  # otherwise the next one has to wait for its turn
                self._pause = 0.0
            if connection.too_many_pings:
                self._ping_every *= 2
            self._set(State.IDLE)

    def _look_after(self) -> None:
        """Replace a connection that has been idle for long, before a firewall forgets it; ping."""
        connection = self._connection
        if connection is None:
            return
        left = connection.last_active + self._manner.idle_timeout - self._loop.time()
        if connection.idle and left <= 0:
            connection.close()
            return
        delay = max(left, 1.0) if connection.idle else self._manner.idle_timeout
        if self._ping_every:
            delay = min(delay, self._ping_every)
            if not connection.idle:
                connection.ping(self._manner.ping_patience)
        self._look = self._loop.call_later(delay, self._look_after)


def never_sent(problem: str) -> NeverSent:
    """A call that has not left this process."""
    nothing = grpc.aio.Metadata()
    return NeverSent(grpc.StatusCode.UNAVAILABLE, nothing, nothing, details=problem)


def in_grpc(timeout: float) -> bytes:
    """Seconds as `grpc-timeout` has them: at most eight digits and a unit."""
    milliseconds = math.ceil(timeout * 1000)
    return b"%dm" % milliseconds if milliseconds < 10**8 else b"%dS" % min(timeout, 10**8 - 1)


def problem_of(error: Exception) -> str:
    """Why there is no connection, in a few words."""
    if isinstance(error, socket.gaierror):
        return f"DNS: {error.strerror}"
    if isinstance(error, ssl.SSLCertVerificationError):
        about_name = "mismatch" in error.verify_message
        return f"{'Hostname Verification' if about_name else error.reason}: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {error.reason or error}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno)
    return str(error) or type(error).__name__


def notice_silence(transport: asyncio.BaseTransport) -> None:
    """Let the kernel end a connection whose other machine acknowledges nothing any more.

    Otherwise calls would be sent into a hole for a quarter of an hour.
    """
    option = getattr(socket, "TCP_USER_TIMEOUT", None)  # Linux
    if option is not None:
        with socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as same:
            same.setsockopt(socket.IPPROTO_TCP, option, UNACKNOWLEDGED_MS)
