"""A `Channel` over grpc.aio, for CUEBOT_TRANSPORT=grpcio.

grpc.aio describes failures only in English, which is passed on unparsed. Hence it knows less than
our HTTP/2: a web server's answer looks like Cuebot's status, and a call that a stopping Cuebot has
not processed counts as lost, not as refused. The size of an answer is known only afterwards.

Silence is noticed only by a call's deadline. A connection with a vanished peer is not replaced,
since grpc.aio sends no ping on request: set KEEPALIVE_TIME for that.
"""

import asyncio
import re
from functools import cached_property
from typing import cast

import grpc
import grpc.aio

from gateway.core.codec.encode import ERROR_DETAILS_TRAILER
from gateway.core.errors import Code
from gateway.core.upstream.connecting import ClosedEarly, Greeted, SpeaksTls, connect, is_tls
from gateway.core.upstream.interface import (
    SMALL_ANSWER_BYTES,
    CallFailed,
    ChannelOptions,
    Reason,
    State,
    Tls,
    UpstreamCall,
    lost,
    no_memory,
    not_connected,
    not_grpc,
    too_large,
    too_late,
)

STATE_SETTLING_SECONDS = 0.05
"""Delay of grpc.aio's channel state behind the outcome of a call."""
CONNECT_PROBE_SECONDS = 1.0
ADDRESS = re.compile(r"\b(?:ipv4|ipv6|dns|unix)(?:-abstract)?:\S+")
"""grpc.aio's name for the peer, not meant for clients: `ipv4:10.0.0.5:8443:`."""
HARD_LIMIT_FACTOR = 2
"""grpc.aio's limit for answers, as a multiple of ours. Its own refusal looks like a server's
status; ours does not."""

GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
"""The preface of HTTP/2, and settings that change nothing (RFC 9113 section 3.4)."""
HEAD_BYTES, SETTINGS = 9, 4
"""The head of a frame, and the kind of a frame (RFC 9113 section 4.1)."""
FRAME_MAX_BYTES = 16_384


class Greeting(Greeted):
    """Says no more than it has to until the peer's SETTINGS: whether it speaks HTTP/2."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._received = bytearray()
        self._transport = cast(asyncio.Transport, transport)
        self.ready = asyncio.get_running_loop().create_future()
        # Or asyncio warns about an exception that nobody has retrieved.
        self.ready.add_done_callback(lambda ready: ready.cancelled() or ready.exception())
        self._transport.write(GREETING)

    def data_received(self, data: bytes) -> None:
        received = self._received
        received += data
        while len(received) >= HEAD_BYTES and not self.ready.done():
            length, kind = int.from_bytes(received[:3]), received[3]
            if length > FRAME_MAX_BYTES:
                problem = "Cuebot broke the HTTP/2 protocol: a frame is too large"
                self._fail(ConnectionError(problem))
                self._transport.abort()
            elif len(received) < HEAD_BYTES + length:
                return
            elif kind == SETTINGS:
                self.ready.set_result(None)
            else:
                del received[: HEAD_BYTES + length]

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ClosedEarly())

    def abort(self) -> None:
        self._transport.abort()

    def _fail(self, why: Exception) -> None:
        if not self.ready.done():
            self.ready.set_exception(SpeaksTls() if is_tls(bytes(self._received)) else why)


class GrpcioChannel:
    def __init__(self, endpoint: str, options: ChannelOptions, tls: Tls | None = None) -> None:
        self._endpoint = endpoint
        self._options = options
        self._tls = tls
        self._closed = False
        self._probe: asyncio.Task[Exception | None] | None = None
        self._probe_again = 0.0
        """Loop time at which the latest result of connecting expires."""
        self._methods: dict[str, grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {}
        self._silent = asyncio.Event()
        self.answered_at = 0.0
        self.spoke = False

    @cached_property
    def _channel(self) -> grpc.aio.Channel:
        """Made on first use, since grpc.aio needs the running event loop."""
        options, tls = channel_options(self._options), self._tls
        if tls is None:
            return grpc.aio.insecure_channel(self._endpoint, options=options)
        credentials = grpc.ssl_channel_credentials(tls.roots, tls.key, tls.certificate)
        return grpc.aio.secure_channel(self._endpoint, credentials, options=options)

    async def unary(self, asked: UpstreamCall) -> bytes:
        if self.get_state() is not State.READY:
            raise not_connected("there is no connection")
        method = self._methods.get(asked.path)
        if method is None:
            method = self._methods[asked.path] = self._channel.unary_unary(asked.path)
        loop = asyncio.get_running_loop()
        deadline = (began := loop.time()) + asked.timeout
        call = method(asked.payload, timeout=asked.timeout, metadata=asked.metadata)
        try:
            answer: bytes | None = await call
        except (grpc.aio.AioRpcError, KeyError) as error:
            late = loop.time() >= deadline
            failure = await self._failure(error, late=late)
            if failure.code is not Code.DEADLINE_EXCEEDED and failure.reason is Reason.STATUS:
                self.answered_at = loop.time()
            elif loop.time() - max(began, self.answered_at) >= self._options.patience:
                self._silent.set()
        else:
            self.answered_at = loop.time()
            if answer is None:  # grpc.aio's result for an OK without a message
                failure = not_grpc("the answer is not one message")
            elif len(answer) > self._options.max_message:
                failure = too_large(len(answer), self._options.max_message)
            elif len(answer) > SMALL_ANSWER_BYTES and not asked.expects(len(answer), lambda: None):
                failure = no_memory(len(answer))
            else:
                return answer
        finally:
            call.cancel()  # an abandoned call would run on (grpc #43462)
        raise failure.again()

    async def _failure(self, error: grpc.aio.AioRpcError | KeyError, *, late: bool) -> CallFailed:
        if isinstance(error, KeyError):  # older grpcio, for an unknown number
            return not_grpc(f"{error} is no status", Code.UNKNOWN)
        code, details = Code(error.code().value[0]), error.details() or ""
        if code is Code.UNAVAILABLE:  # possibly grpc.aio's own status
            details = ADDRESS.sub("Cuebot:", details)
        if code is Code.UNAVAILABLE and await self._is_lost():
            return lost(details)
        if code is Code.DEADLINE_EXCEEDED and late:
            return too_late()
        status_details = [
            value
            for key, value in error.trailing_metadata() or ()
            if key == ERROR_DETAILS_TRAILER and isinstance(value, bytes)
        ]
        return CallFailed(code, details, status_details=b"".join(status_details[:1]))

    async def _is_lost(self) -> bool:
        try:
            async with asyncio.timeout(STATE_SETTLING_SECONDS):
                await self.wait_for_state_change(State.READY)
        except TimeoutError:
            return False
        return True

    def get_state(self, *, try_to_connect: bool = False) -> State:
        if self._closed:
            return State.SHUTDOWN
        state = State[self._channel.get_state(try_to_connect=try_to_connect).name]
        if state is State.READY:
            self.spoke = True
        return state

    @property
    def connections(self) -> int:
        return int(self.get_state() is State.READY)

    async def wait_for_state_change(self, last: State) -> None:
        if not self._closed:
            await self._channel.wait_for_state_change(grpc.ChannelConnectivity[last.name])

    async def silence(self) -> None:
        self._silent.clear()
        await self._silent.wait()

    def ping(self, timeout: float) -> None:
        """Not supported; see the module."""

    async def problem(self) -> Exception | None:
        """See `Channel`. Tries to connect; attempts within CONNECT_PROBE_SECONDS are shared."""
        loop = asyncio.get_running_loop()
        if self._probe is None or loop.time() >= self._probe_again:
            self._probe = asyncio.create_task(self._try_to_connect())
            self._probe_again = loop.time() + CONNECT_PROBE_SECONDS
        return await asyncio.shield(self._probe)

    async def _try_to_connect(self) -> Exception | None:
        try:
            connection = await connect(
                self._endpoint,
                Greeting,
                timeout=CONNECT_PROBE_SECONDS,
                tls=None if self._tls is None else self._tls.context,
            )
        except Exception as error:  # any exception is the result
            return error.with_traceback(None)
        self.spoke = True
        connection.abort()
        return None

    async def close(self) -> None:
        self._closed = True
        if self._probe is not None:
            self._probe.cancel()
            await asyncio.gather(self._probe, return_exceptions=True)
        await self._channel.close()


def channel_options(options: ChannelOptions) -> list[tuple[str, int]]:
    """grpc.aio's options: https://grpc.github.io/grpc/core/group__grpc__arg__keys.html."""
    times = {
        "initial_reconnect_backoff": options.initial_backoff,
        "min_reconnect_backoff": options.connect_timeout,
        "max_reconnect_backoff": options.max_backoff,
        "client_idle_timeout": options.idle_timeout,
    }
    if options.keepalive_time:
        times["keepalive_time"] = options.keepalive_time
        times["keepalive_timeout"] = options.keepalive_timeout
    return [
        (
            "grpc.max_receive_message_length",
            min(options.max_message * HARD_LIMIT_FACTOR, 2**31 - 1),
        ),
        ("grpc.max_send_message_length", -1),
        ("grpc.enable_http_proxy", 0),  # http_proxy is for outside hosts
        *((f"grpc.{name}_ms", int(seconds * 1000)) for name, seconds in times.items()),
    ]
