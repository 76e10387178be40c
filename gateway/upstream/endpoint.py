"""One endpoint of Cuebot: its channel, deadlines, cancellation, and what its failures mean."""

import asyncio
from collections.abc import Callable

import grpc
import grpc.aio
import structlog

from gateway.codec.error_details import TRAILER, details_to_json
from gateway.errors import RETRY_SOON, Code, GatewayError
from gateway.settings.model import Settings
from gateway.upstream.grpcio import NEVER_SENT, GrpcioTransport, make_channel
from gateway.upstream.http2.channel import Channel, Manner
from gateway.upstream.interface import Homes, Metadata, NotSent
from gateway.upstream.tls import Tls, likely_cause
from gateway.upstream.transport import (
    CONNECT_TIMEOUT,
    FIRST_PAUSE,
    IDLE_TIMEOUT,
    LONGEST_PAUSE,
    NeverSent,
    State,
    Transport,
)

log = structlog.stdlib.get_logger("gateway.upstream")

PING_FLOOR = 300
"""Seconds. Cuebot (grpc-java's default) answers pings more often than this by closing."""

NOT_USABLE = (State.TRANSIENT_FAILURE, State.SHUTDOWN)

HEALTH = "/grpc.health.v1.Health/Check"
"""A call that changes nothing. The stock Cuebot does not know it, and says so."""
REASON_PATIENCE = 1.0

TOO_LARGE = "Received message larger than max"
NOT_REACHED = (*NEVER_SENT, "Socket closed", "Stream removed", "recvmsg", "sendmsg")
"""How words begin that look like the server's but are about the way to it."""
NOT_GRPC = "Received http2 header with status"
"""So begins what gRPC says of a web server's answer, whatever status it makes of it."""


class GrpcUpstream:
    """An `Upstream` over one channel. To be made inside the running event loop."""

    def __init__(self, settings: Settings, endpoint: str, tls: Tls | None = None) -> None:
        self.endpoint = endpoint
        self.channel = make_channel(settings, endpoint, tls)
        """For what is no unary call: reflection."""
        self._transport = make_transport(settings, endpoint, tls, self.channel)
        self._tls = tls
        self._max_answer_mb = settings.grpc_max_recv_msg_mb

    @property
    def endpoints(self) -> "tuple[GrpcUpstream, ...]":
        """Itself, the only one."""
        return (self,)

    @property
    def size(self) -> int:
        return 1

    @property
    def ready(self) -> bool:
        """Whether it is connected. If not, it will try to be."""
        return self._transport.get_state(try_to_connect=True) is State.READY

    async def call(
        self,
        method_path: str,
        payload: bytes,
        timeout: float,
        metadata: Metadata,
        homes: Homes = None,
    ) -> bytes:
        try:
            return await self._transport.unary(method_path, payload, timeout, metadata)
        except grpc.aio.AioRpcError as error:
            raise self._failure(error) from None

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
        if isinstance(error, NeverSent):
            told = f"Cuebot cannot be reached: {self.explained(message)}"
            return NotSent(code, told, headers=RETRY_SOON)
        if code is Code.UNAVAILABLE and message.startswith(NOT_REACHED):
            message = f"Cuebot cannot be reached: {message}"
        if message.startswith(NOT_GRPC):  # its status would be taken for Cuebot's
            code, message = Code.UNAVAILABLE, f"a web server answers in Cuebot's place: {message}"
        headers = RETRY_SOON if code is Code.UNAVAILABLE else None
        return GatewayError(code, message, details=details_of(error), headers=headers)

    def explained(self, message: str) -> str:
        """What gRPC says, after what that is likely to mean if no connection could be made."""
        cause = likely_cause(message, self._tls) if message.startswith(NEVER_SENT) else ""
        return f"{cause}: {message}" if cause else message

    async def usable(self, patience: float) -> int:
        try:
            async with asyncio.timeout(patience):
                while (state := self._transport.get_state(try_to_connect=True)) is not State.READY:
                    if state in NOT_USABLE:
                        return 0
                    await self._transport.wait_for_state_change(state)
        except TimeoutError:
            return 0
        return 1

    async def watch(
        self, on_return: Callable[[], object] = lambda: None, *, on_any: bool = False
    ) -> None:
        """Keep the channel connected, and log when Cuebot goes and comes, until cancelled.

        A connection that has been idle for long is thereby replaced by a fresh one. `on_return`
        is called when there is a new connection in place of an old one: behind it may be
        another Cuebot. With `on_any` it is called for the first connection as well, and when
        there is none any more.
        """
        reachable: bool | None = None
        connected_before = False
        while (state := self._transport.get_state(try_to_connect=True)) is not State.SHUTDOWN:
            if state is State.READY:
                if connected_before or on_any:
                    on_return()
                connected_before = True
                if reachable is not True:
                    reachable = True
                    log.info("Cuebot is connected", endpoint=self.endpoint)
            elif state is State.TRANSIENT_FAILURE and reachable is not False:
                reachable = False
                log.warning(
                    "Cuebot cannot be reached", endpoint=self.endpoint, reason=await self._reason()
                )
                if on_any:
                    on_return()
            await self._transport.wait_for_state_change(state)

    async def _reason(self) -> str:
        """Why there is no connection; a channel tells that only to a call."""
        try:
            await self.call(HEALTH, b"", REASON_PATIENCE, ())
        except GatewayError as error:
            return error.message.removeprefix("Cuebot cannot be reached: ")
        return "it was away for a moment"

    async def close(self) -> None:
        await self._transport.close()
        await self.channel.close()


def make_transport(
    settings: Settings, endpoint: str, tls: Tls | None, channel: grpc.aio.Channel
) -> Transport:
    """The one that CUEBOT_TRANSPORT names; `channel` is for the one that is made of it."""
    if settings.cuebot_transport == "grpcio":
        return GrpcioTransport(channel)
    manner = Manner(
        largest_message=int(settings.grpc_max_recv_msg_mb * 2**20),
        connect_timeout=CONNECT_TIMEOUT,
        first_pause=FIRST_PAUSE,
        longest_pause=LONGEST_PAUSE,
        idle_timeout=IDLE_TIMEOUT,
        ping_every=settings.keepalive_time,
        ping_patience=settings.keepalive_timeout,
    )
    return Channel(endpoint, manner, None if tls is None else tls.context)


def details_of(error: grpc.aio.AioRpcError) -> list[object]:
    """What the server added to its status, as JSON."""
    for key, value in error.trailing_metadata() or ():
        if key == TRAILER and isinstance(value, bytes):
            return details_to_json(value)
    return []
