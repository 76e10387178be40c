"""One endpoint of Cuebot: its channel, deadlines, cancellation, and what its failures mean."""

import asyncio
from collections.abc import Callable

import grpc
import grpc.aio
import structlog

from gateway.codec.status import TRAILER, details_to_json
from gateway.errors import RETRY_SOON, Code, GatewayError
from gateway.settings import Settings
from gateway.upstream.seam import Metadata

log = structlog.stdlib.get_logger("gateway.upstream")

PING_FLOOR = 300
"""Seconds. Cuebot (grpc-java's default) answers pings more often than this by closing."""
IDLE_TIMEOUT_MS = 180_000
"""Idle connections are closed by us, before a firewall forgets them without a word."""
RECONNECT_MS = 1_500
"""The longest pause between two tries to connect: readiness must follow within 5 s."""

State = grpc.ChannelConnectivity
NOT_USABLE = (State.TRANSIENT_FAILURE, State.SHUTDOWN)

CONNECT_MS = 5_000
"""How long one try to connect may take (gRPC calls it the minimal backoff)."""

TOO_LARGE = "Received message larger than max"
NOT_REACHED = ("failed to connect", "DNS", "Socket closed", "Stream removed", "recvmsg", "sendmsg")
"""How gRPC's own words begin; they look like the server's but are about the way to it."""
NOT_GRPC = "Received http2 header with status"
"""So begins what gRPC says of a web server's answer, whatever status it makes of it."""


class GrpcUpstream:
    """An `Upstream` over one grpc.aio channel. To be made inside the running event loop."""

    def __init__(self, settings: Settings) -> None:
        self.endpoint = settings.cuebot_endpoint
        self.channel = grpc.aio.insecure_channel(self.endpoint, options=channel_options(settings))
        self._max_answer_mb = settings.grpc_max_recv_msg_mb
        self._methods: dict[str, grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {}

    async def call(
        self, method_path: str, payload: bytes, timeout: float, metadata: Metadata
    ) -> bytes:
        method = self._methods.get(method_path)
        if method is None:
            method = self._methods[method_path] = self.channel.unary_unary(method_path)
        call = method(payload, timeout=timeout, metadata=metadata)
        try:
            return await call
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from None
        finally:
            call.cancel()  # an abandoned call would run on (grpc #43462)

    def _failure(self, error: grpc.aio.AioRpcError) -> GatewayError:
        """Cuebot's own status as it is; what gRPC says on this side, in plain words."""
        code = Code(error.code().value[0])
        message = error.details() or ""
        if code is Code.RESOURCE_EXHAUSTED and TOO_LARGE in message:
            return GatewayError(
                code,
                f"Cuebot's answer is larger than GRPC_MAX_RECV_MSG_MB ({self._max_answer_mb:g} MB);"
                " ask for less, or raise that limit",
                status=502,
            )
        if code is Code.UNAVAILABLE and message.startswith(NOT_REACHED):
            message = f"Cuebot cannot be reached: {message}"
        if message.startswith(NOT_GRPC):  # its status would be taken for Cuebot's
            code, message = Code.UNAVAILABLE, f"a web server answers in Cuebot's place: {message}"
        headers = RETRY_SOON if code is Code.UNAVAILABLE else None
        return GatewayError(code, message, details=details_of(error), headers=headers)

    async def usable(self, patience: float) -> bool:
        try:
            async with asyncio.timeout(patience):
                while (state := self.channel.get_state(try_to_connect=True)) is not State.READY:
                    if state in NOT_USABLE:
                        return False
                    await self.channel.wait_for_state_change(state)
        except TimeoutError:
            return False
        return True

    async def watch(self, on_return: Callable[[], object] = lambda: None) -> None:
        """Keep the channel connected, and log when Cuebot goes and comes, until cancelled.

        A connection that has been idle for long is thereby replaced by a fresh one. `on_return`
        is called when there is a new connection in place of an old one: behind it may be
        another Cuebot.
        """
        reachable: bool | None = None
        connected_before = False
        while (state := self.channel.get_state(try_to_connect=True)) is not State.SHUTDOWN:
            if state is State.READY:
                if connected_before:
                    on_return()
                connected_before = True
                if reachable is not True:
                    reachable = True
                    log.info("Cuebot is connected", endpoint=self.endpoint)
            elif state is State.TRANSIENT_FAILURE and reachable is not False:
                reachable = False
                log.warning("Cuebot cannot be reached", endpoint=self.endpoint)
            await self.channel.wait_for_state_change(state)

    async def close(self) -> None:
        await self.channel.close()


def details_of(error: grpc.aio.AioRpcError) -> list[object]:
    """What the server added to its status, as JSON."""
    for key, value in error.trailing_metadata() or ():
        if key == TRAILER and isinstance(value, bytes):
            return details_to_json(value)
    return []


def channel_options(settings: Settings) -> list[tuple[str, int]]:
    """How the channel behaves; https://grpc.github.io/grpc/core/group__grpc__arg__keys.html."""
    options = [
        ("grpc.max_receive_message_length", int(settings.grpc_max_recv_msg_mb * 2**20)),
        ("grpc.max_send_message_length", -1),
        ("grpc.initial_reconnect_backoff_ms", 250),
        ("grpc.min_reconnect_backoff_ms", CONNECT_MS),
        ("grpc.max_reconnect_backoff_ms", RECONNECT_MS),
        ("grpc.client_idle_timeout_ms", IDLE_TIMEOUT_MS),
        ("grpc.enable_http_proxy", 0),  # Cuebot is inside; the proxy of http_proxy is outside
    ]
    if settings.keepalive_time:
        if settings.keepalive_time < PING_FLOOR:
            log.warning(
                "KEEPALIVE_TIME is below what Cuebot permits; expect closed connections",
                keepalive_time=settings.keepalive_time,
                permitted=PING_FLOOR,
            )
        options += [
            ("grpc.keepalive_time_ms", int(settings.keepalive_time * 1000)),
            ("grpc.keepalive_timeout_ms", int(settings.keepalive_timeout * 1000)),
        ]
    return options
