"""grpc.aio's channels: for reflection, and for all calls with CUEBOT_TRANSPORT=grpcio."""

import grpc
import grpc.aio

from gateway.settings.model import Settings
from gateway.upstream.interface import Metadata
from gateway.upstream.tls import Tls
from gateway.upstream.transport import (
    CONNECT_TIMEOUT,
    FIRST_PAUSE,
    IDLE_TIMEOUT,
    LONGEST_PAUSE,
    NeverSent,
    State,
)

NEVER_SENT = ("failed to connect", "errors resolving", "DNS")
"""How gRPC's own words begin when there was no connection to send a call over."""


class GrpcioTransport:
    """A `Transport` over such a channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._channel = channel
        self._methods: dict[str, grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {}

    async def unary(self, path: str, payload: bytes, timeout: float, metadata: Metadata) -> bytes:
        method = self._methods.get(path)
        if method is None:
            method = self._methods[path] = self._channel.unary_unary(path)
        call = method(payload, timeout=timeout, metadata=metadata)
        try:
            answer: bytes | None = await call
        except grpc.aio.AioRpcError as error:
            words = error.details() or ""
            # A server that says the same of a server behind it has got the call, over this channel.
            if words.startswith(NEVER_SENT) and self.get_state() is not State.READY:
                raise never_sent(error) from None
            raise
        finally:
            call.cancel()  # an abandoned call would run on (grpc #43462)
        if answer is None:  # so grpc.aio gives an OK without a message
            nothing = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(
                grpc.StatusCode.INTERNAL, nothing, nothing, details="the answer is not one message"
            )
        return answer

    def get_state(self, *, try_to_connect: bool = False) -> State:
        return self._channel.get_state(try_to_connect=try_to_connect)

    async def wait_for_state_change(self, last: State) -> None:
        await self._channel.wait_for_state_change(last)

    async def close(self) -> None:
        await self._channel.close()


def never_sent(error: grpc.aio.AioRpcError) -> NeverSent:
    """The same, of the kind that says so."""
    return NeverSent(
        error.code(),
        error.initial_metadata() or grpc.aio.Metadata(),
        error.trailing_metadata() or grpc.aio.Metadata(),
        details=error.details(),
    )


def make_channel(settings: Settings, endpoint: str, tls: Tls | None) -> grpc.aio.Channel:
    """A channel to the endpoint. It connects when it is used."""
    options = channel_options(settings)
    if tls is None:
        return grpc.aio.insecure_channel(endpoint, options=options)
    return grpc.aio.secure_channel(endpoint, tls.credentials, options=options)


def channel_options(settings: Settings) -> list[tuple[str, int]]:
    """How the channel behaves; https://grpc.github.io/grpc/core/group__grpc__arg__keys.html."""
    options = [
        ("grpc.max_receive_message_length", int(settings.grpc_max_recv_msg_mb * 2**20)),
        ("grpc.max_send_message_length", -1),
        ("grpc.initial_reconnect_backoff_ms", milliseconds(FIRST_PAUSE)),
        ("grpc.min_reconnect_backoff_ms", milliseconds(CONNECT_TIMEOUT)),
        ("grpc.max_reconnect_backoff_ms", milliseconds(LONGEST_PAUSE)),
        ("grpc.client_idle_timeout_ms", milliseconds(IDLE_TIMEOUT)),
        ("grpc.enable_http_proxy", 0),  # Cuebot is inside; the proxy of http_proxy is outside
    ]
    if settings.keepalive_time:
        options += [
            ("grpc.keepalive_time_ms", milliseconds(settings.keepalive_time)),
            ("grpc.keepalive_timeout_ms", milliseconds(settings.keepalive_timeout)),
        ]
    return options


def milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
