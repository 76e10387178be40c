"""A `Channel` over our HTTP/2: connects on demand, and reconnects after a loss."""

import asyncio
import math
import ssl
from collections.abc import Awaitable
from dataclasses import replace
from functools import lru_cache, partial
from weakref import WeakSet

from gateway.core.upstream.connecting import Resolve, connect, resolve
from gateway.core.upstream.http2.connection import Connection, Owner
from gateway.core.upstream.http2.headers import literal
from gateway.core.upstream.interface import (
    ChannelOptions,
    Metadata,
    State,
    Tls,
    UpstreamCall,
    not_connected,
)

INDEXED_POST, INDEXED_HTTP, INDEXED_HTTPS = b"\x83", b"\x86", b"\x87"
"""`:method: POST` and `:scheme` in HPACK's static table (RFC 7541 appendix A)."""
MAX_CACHED_HEADS = 4096


class Connectivity:
    """The state of a channel, whose changes others wait for."""

    def __init__(self) -> None:
        self.state = State.IDLE
        self._changed = asyncio.Event()

    def enter(self, state: State) -> None:
        """SHUTDOWN is final."""
        if self.state is not state and self.state is not State.SHUTDOWN:
            self.state = state
            self._changed.set()
            self._changed = asyncio.Event()

    async def wait_for_change(self, last: State) -> None:
        """Wait until the state is not `last`."""
        while self.state is last:
            await self._changed.wait()


class Connector:
    """Connects to an endpoint: with longer and longer pauses, until a connection was of use."""

    def __init__(
        self, endpoint: str, options: ChannelOptions, tls: ssl.SSLContext | None, resolve: Resolve
    ) -> None:
        self._endpoint = endpoint
        self._options = options
        self._tls = tls
        self._resolve = resolve
        self._pause = 0.0
        """Seconds before the next attempt."""
        self._connected_at = 0.0
        """Loop time of the latest connection."""

    async def attempt(self, owner: Owner) -> Connection:
        """Connect once, after the pause. Raises what `connect` raises."""
        options = self._options
        await asyncio.sleep(self._pause)
        self._pause = max(options.initial_backoff, self._pause * 2)
        self._pause = min(self._pause, options.max_backoff)
        connection = await connect(
            self._endpoint,
            partial(Connection, options, owner),
            timeout=options.connect_timeout,
            tls=self._tls,
            resolve=self._resolve,
        )
        self._connected_at = asyncio.get_running_loop().time()
        return connection

    def learn_from(self, ended: Connection) -> None:
        """The next attempt has no pause if the latest connection was of use, and the next
        connection fewer pings if this one had too many.
        """
        options = self._options
        lasted = asyncio.get_running_loop().time() - self._connected_at >= options.max_backoff
        if ended.answered_at or lasted:
            self._pause = 0.0
        if ended.end.too_many_pings:
            self._options = replace(options, keepalive_time=options.keepalive_time * 2)


class Http2Channel:
    def __init__(
        self,
        endpoint: str,
        options: ChannelOptions,
        tls: Tls | None = None,
        *,
        resolve: Resolve = resolve,
    ) -> None:
        self.spoke = False
        self._endpoint = endpoint
        self._scheme = INDEXED_HTTP if tls is None else INDEXED_HTTPS
        context = None if tls is None else tls.context
        self._connector = Connector(endpoint, options, context, resolve)
        self._connecting: asyncio.Task[None] | None = None
        self._connection: Connection | None = None
        self._retiring: WeakSet[Connection] = WeakSet()
        """Closing connections with active calls."""
        self._problem: Exception | None = None
        """Why the latest attempt failed, or the connection was given up."""
        self._connectivity = Connectivity()
        self._silent = asyncio.Event()

    # --- Calls ------------------------------------------------------------------------------

    def unary(self, asked: UpstreamCall) -> Awaitable[bytes]:
        connection = self._connection
        if connection is None:
            raise not_connected(f"there is no connection to {self._endpoint}")
        path, payload, timeout, metadata, expects = asked
        head = (
            request_head(path, self._endpoint, self._scheme)
            + timeout_field(timeout)
            + literals(metadata[-CALLER_FIELDS:])
        )
        for name, value in metadata[:-CALLER_FIELDS]:
            head += literal(name.encode(), value.encode())
        deadline = connection.loop.time() + timeout
        return connection.unary(head, payload, deadline, expects)

    # --- State ------------------------------------------------------------------------------

    def get_state(self, *, try_to_connect: bool = False) -> State:
        if try_to_connect and self._connectivity.state is State.IDLE:
            self._connectivity.enter(State.CONNECTING)
            self._connecting = asyncio.create_task(self._connect())
        return self._connectivity.state

    async def wait_for_state_change(self, last: State) -> None:
        await self._connectivity.wait_for_change(last)

    async def problem(self) -> Exception | None:
        return self._problem

    @property
    def connections(self) -> int:
        retiring = sum(not each.idle for each in self._retiring)
        return retiring + (self._connection is not None)

    @property
    def answered_at(self) -> float:
        return 0.0 if self._connection is None else self._connection.answered_at

    async def silence(self) -> None:
        self._silent.clear()
        await self._silent.wait()

    def ping(self, timeout: float) -> None:
        if self._connection is not None:
            self._connection.keepalive.probe(timeout)

    async def close(self) -> None:
        self._connectivity.enter(State.SHUTDOWN)
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        for connection in [*self._retiring, self._connection]:
            if connection is not None:
                connection.abort()

    # --- Connecting -------------------------------------------------------------------------

    async def _connect(self) -> None:
        while True:
            try:
                connection = await self._connector.attempt(self)
            except Exception as error:  # the channel must never stop trying
                self._problem = error.with_traceback(None)
            else:
                self.spoke = True
                self._use(connection)
                return
            self._connectivity.enter(State.TRANSIENT_FAILURE)

    def _use(self, connection: Connection) -> None:
        if not connection.usable:  # it has just ended
            self._connectivity.enter(State.IDLE)
            return
        self._connection = connection
        self._problem = None
        self._connectivity.enter(State.READY)
        connection.keepalive.look_after()

    # --- For connections --------------------------------------------------------------------

    def on_end(self, connection: Connection) -> None:
        if self._connection is connection:
            self._connection = None
            self._problem = connection.end.problem
            self._retiring.add(connection)
            self._connector.learn_from(connection)
            self._connectivity.enter(State.IDLE)

    def on_silence(self) -> None:
        self._silent.set()


@lru_cache(maxsize=MAX_CACHED_HEADS)
def request_head(path: str, endpoint: str, scheme: bytes) -> bytes:
    """The fields that all calls of a method have; `scheme` is an indexed field."""
    fields = (
        (b":path", path.encode()),
        (b":authority", endpoint.encode()),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        (b"user-agent", b"cuebot-gateway"),
        (b"grpc-accept-encoding", b"identity"),
    )
    return INDEXED_POST + scheme + b"".join(literal(*each) for each in fields)


CALLER_FIELDS = 2
"""Fields at the end of the metadata that all calls of a caller share."""


@lru_cache(maxsize=MAX_CACHED_HEADS)
def literals(metadata: Metadata) -> bytes:
    return b"".join([literal(name.encode(), value.encode()) for name, value in metadata])


@lru_cache(maxsize=64)
def timeout_field(seconds: float) -> bytes:
    return literal(b"grpc-timeout", grpc_timeout(seconds))


def grpc_timeout(seconds: float) -> bytes:
    """At most eight digits and a unit."""
    milliseconds = math.ceil(seconds * 1000)
    return b"%dm" % milliseconds if milliseconds < 10**8 else b"%dS" % min(seconds, 10**8 - 1)
