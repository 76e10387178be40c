"""A `Channel` over our HTTP/2: connects on demand, and reconnects after a loss."""

import asyncio
import math
from collections.abc import Awaitable
from dataclasses import replace
from functools import lru_cache, partial
from weakref import WeakSet

from gateway.core.upstream.connecting import Resolve, connect, resolve
from gateway.core.upstream.http2.connection import Connection
from gateway.core.upstream.http2.headers import literal
from gateway.core.upstream.interface import (
    ChannelOptions,
    Metadata,
    State,
    Tls,
    UpstreamCall,
    not_connected,
    too_late,
)

INDEXED_POST, INDEXED_HTTP, INDEXED_HTTPS = b"\x83", b"\x86", b"\x87"
"""`:method: POST` and `:scheme` in HPACK's static table (RFC 7541 appendix A)."""
MAX_CACHED_HEADS = 4096


class Http2Channel:
    def __init__(
        self,
        endpoint: str,
        options: ChannelOptions,
        tls: Tls | None = None,
        *,
        resolve: Resolve = resolve,
    ) -> None:
        self._endpoint = endpoint
        self._options = options
        self._tls = None if tls is None else tls.context
        self._resolve = resolve
        self._state = State.IDLE
        self._changed = asyncio.Event()
        self._silent = asyncio.Event()
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._retiring: WeakSet[Connection] = WeakSet()
        """Closing connections with active calls."""
        self._problem: Exception | None = None
        """Why the latest attempt failed, or the connection was given up."""
        self._backoff = 0.0
        self._since = 0.0
        """Loop time of the connection's start."""
        self.spoke = False
        self._head = lru_cache(maxsize=MAX_CACHED_HEADS)(self._make_head)

    # --- Calls ------------------------------------------------------------------------------

    def unary(self, asked: UpstreamCall) -> Awaitable[bytes]:
        connection = self._connection
        if connection is None:
            raise not_connected(f"there is no connection to {self._endpoint}")
        path, payload, timeout, metadata, expects = asked
        if timeout <= 0:
            raise too_late(may_have_reached_server=False)
        head = self._head(path) + timeout_field(timeout) + literals(metadata[-CALLER_FIELDS:])
        for name, value in metadata[:-CALLER_FIELDS]:
            head += literal(name.encode(), value.encode())
        return connection.unary(head, payload, connection.time() + timeout, expects)

    def _make_head(self, path: str) -> bytes:
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

    # --- State ------------------------------------------------------------------------------

    def get_state(self, *, try_to_connect: bool = False) -> State:
        if try_to_connect and self._state is State.IDLE:
            self._set(State.CONNECTING)
            self._connecting = asyncio.create_task(self._connect())
        return self._state

    async def wait_for_state_change(self, last: State) -> None:
        while self._state is last:
            await self._changed.wait()

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
            self._connection.probe(timeout)

    async def close(self) -> None:
        self._set(State.SHUTDOWN)
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
        for connection in [*self._retiring, self._connection]:
            if connection is not None:
                connection.abort()

    def _set(self, state: State) -> None:
        if self._state is not state and self._state is not State.SHUTDOWN:
            self._state = state
            self._changed.set()
            self._changed = asyncio.Event()

    # --- Connecting -------------------------------------------------------------------------

    async def _connect(self) -> None:
        options = self._options
        make = partial(
            Connection,
            max_message=options.max_message,
            patience=options.patience,
            on_end=self._on_end,
            on_silence=self._silent.set,
        )
        while True:
            await asyncio.sleep(self._backoff)
            self._backoff = max(options.initial_backoff, self._backoff * 2)
            self._backoff = min(self._backoff, options.max_backoff)
            try:
                connection = await connect(
                    self._endpoint,
                    make,
                    timeout=options.connect_timeout,
                    tls=self._tls,
                    resolve=self._resolve,
                )
            except Exception as error:  # the channel must never stop trying
                self._problem = error.with_traceback(None)
            else:
                self.spoke = True
                self._use(connection)
                return
            self._set(State.TRANSIENT_FAILURE)

    def _use(self, connection: Connection) -> None:
        if not connection.usable:  # it has just ended
            self._set(State.IDLE)
            return
        self._connection = connection
        self._since = connection.time()
        self._problem = None
        self._set(State.READY)
        connection.look_after(self._options)

    def _on_end(self, connection: Connection) -> None:
        if self._connection is connection:
            self._connection = None
            self._problem = connection.problem
            self._retiring.add(connection)
            lasted = connection.time() - self._since >= self._options.max_backoff
            if connection.answered_at or lasted:  # otherwise back off
                self._backoff = 0.0
            if connection.too_many_pings:
                doubled = self._options.keepalive_time * 2
                self._options = replace(self._options, keepalive_time=doubled)
            self._set(State.IDLE)


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
