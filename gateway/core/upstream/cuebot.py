"""Cuebot as the gateway sees it: one endpoint, or several that calls rotate between."""

import asyncio
import os
import ssl
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import monotonic

import grpc
import structlog

from gateway.core.errors import Code, ConfigurationError
from gateway.core.settings.key_files import load_pair, pair_of, read
from gateway.core.settings.model import Settings
from gateway.core.upstream.endpoint import Endpoint
from gateway.core.upstream.grpcio import GrpcioChannel
from gateway.core.upstream.interface import (
    CallFailed,
    Channel,
    ChannelOptions,
    Follower,
    Reason,
    Tls,
    UpstreamCall,
)

log = structlog.stdlib.get_logger("gateway.upstream")

MIN_PING_SECONDS = 300
"""Cuebot (grpc-java's default) closes a connection with more frequent pings."""
SILENCE_PATIENCE_SECONDS = 5.0
"""Time of waiting calls without any answer before a probe. Shorter with a short GRPC_TIMEOUT."""
PROBE_TIMEOUT_SECONDS = 3.0
"""Shorter with a short GRPC_TIMEOUT, within which all calls end."""
HTTP2 = "gateway.core.upstream.http2"
"""Can be taken out, as features can; hence only `channel_of` imports it."""
OpenChannel = Callable[[str, ChannelOptions, Tls | None], Channel]
TLS_FILES = ("cuebot_ca_file", "cuebot_cert_file", "cuebot_key_file")

PUBLIC_ROOTS = Path(
    os.environ.get("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH")
    or Path(grpc.__file__).parent / "_cython" / "_credentials" / "roots.pem"
)
"""gRPC's default CAs, for both transports."""


class Balancer:
    """Rotates calls between connected, responsive endpoints."""

    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self.endpoints = endpoints
        self._turn = 0

    @property
    def endpoint(self) -> str:
        return ",".join(each.endpoint for each in self.endpoints)

    async def call(self, asked: UpstreamCall) -> bytes:
        """See `Upstream`. A call that one endpoint has not processed is retried on another."""
        deadline = monotonic() + asked.timeout
        left: Sequence[Endpoint] = self.endpoints
        lacking: CallFailed | None = None
        while True:
            chosen = self._next(left)
            # It is an answer, for which nobody has to wait for a Cuebot that is away or hangs.
            if lacking is not None and (chosen is None or chosen.unresponsive):
                raise lacking.again()
            if chosen is None:
                chosen = await first_usable(left, asked.timeout) or left[0]
            asked = asked._replace(timeout=max(deadline - monotonic(), 0))
            try:
                return await chosen.call(asked)
            except CallFailed as failure:
                left = [each for each in left if each is not chosen]
                if lacks_method(failure):
                    lacking = failure.again()
                elif failure.may_have_reached_server:
                    raise
                if not left:
                    raise (lacking or failure).again() from None

    def _next(self, among: Sequence[Endpoint]) -> Endpoint | None:
        """The next connected endpoint; an unresponsive one only if all are."""
        connected = [each for each in among if each.ready]
        ready = [each for each in connected if not each.unresponsive] or connected
        if len(ready) < 2:
            return ready[0] if ready else None
        self._turn += 1
        return ready[self._turn % len(ready)]

    async def usable(self, timeout: float) -> int:
        ready = sum(each.ready and not each.unresponsive for each in self.endpoints)
        return ready or int(await first_usable(self.endpoints, timeout) is not None)

    async def watch(self, follower: Follower) -> None:
        """Keep all endpoints connected, and probe silent ones, until cancelled.

        The follower is refreshed after each connection, also the first (the endpoint may have been
        down at reflection), and after each loss.
        """
        async with asyncio.TaskGroup() as group:
            for each in self.endpoints:
                group.create_task(each.watch(follower, on_any=True))

    async def close(self) -> None:
        await asyncio.gather(*(each.close() for each in self.endpoints))


def lacks_method(failure: CallFailed) -> bool:
    """Whether the Cuebot lacks the method: during an upgrade, another one may have it."""
    return failure.reason is Reason.STATUS and failure.code is Code.UNIMPLEMENTED


async def first_usable(among: Sequence[Endpoint], timeout: float) -> Endpoint | None:
    """The first endpoint to connect within `timeout` seconds; None as soon as all have failed."""
    waiting = {asyncio.ensure_future(each.usable(timeout)): each for each in among}
    try:
        while waiting:
            done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                found = waiting.pop(task)
                if task.result():
                    return found
        return None
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


Cuebot = Endpoint | Balancer


def open_upstream(settings: Settings) -> Cuebot:
    """Connects on first use. Raises ConfigurationError for invalid TLS settings."""
    if 0 < settings.keepalive_time < MIN_PING_SECONDS:
        log.warning(
            "KEEPALIVE_TIME is below what Cuebot permits; expect closed connections",
            keepalive_time=settings.keepalive_time,
            permitted=MIN_PING_SECONDS,
        )
    tls = tls_of(settings)
    options = ChannelOptions(
        max_message=int(settings.grpc_max_recv_msg_mb * 2**20),
        keepalive_time=settings.keepalive_time,
        keepalive_timeout=settings.keepalive_timeout,
        patience=min(SILENCE_PATIENCE_SECONDS, settings.grpc_timeout / 2),
    )
    probe_timeout = min(PROBE_TIMEOUT_SECONDS, settings.grpc_timeout / 2)

    channel = channel_of(settings)
    endpoints = tuple(
        Endpoint(each, channel(each, options, tls), tls, probe_timeout=probe_timeout)
        for each in settings.cuebot_endpoint
    )
    return endpoints[0] if len(endpoints) == 1 else Balancer(endpoints)


def channel_of(settings: Settings) -> OpenChannel:
    """The kind of channel that CUEBOT_TRANSPORT selects; without our HTTP/2, grpc.aio's is the
    default. Raises ConfigurationError.
    """
    if settings.cuebot_transport == "grpcio":
        return GrpcioChannel
    if find_spec(HTTP2) is not None:
        ours: OpenChannel = import_module(f"{HTTP2}.channel").Http2Channel
        return ours
    if "cuebot_transport" in settings.model_fields_set:
        raise ConfigurationError("CUEBOT_TRANSPORT: this gateway has no http2; set grpcio")
    return GrpcioChannel


def tls_of(settings: Settings) -> Tls | None:
    """TLS of CUEBOT_TLS and its files; None is plaintext.

    Raises ConfigurationError for an unusable file, an incomplete pair, and a file without
    CUEBOT_TLS: its owner does not expect plaintext.
    """
    if not settings.cuebot_tls:
        problems = [
            f"{name.upper()}: has no effect without CUEBOT_TLS=true"
            for name in TLS_FILES
            if getattr(settings, name) is not None
        ]
        if problems:
            raise ConfigurationError(*problems)
        return None
    ca_file, pair = settings.cuebot_ca_file, pair_of(settings, "cuebot")
    roots = None if ca_file is None else read("CUEBOT_CA_FILE", ca_file)
    certificate = key = None
    try:
        context = ssl.create_default_context(cafile=str(ca_file or PUBLIC_ROOTS))
    except OSError:  # including SSLError; gRPC would fail to connect silently
        if ca_file is None:
            raise
        raise ConfigurationError(f"CUEBOT_CA_FILE: {ca_file} contains no PEM certificate") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    if pair is not None:
        load_pair(pair, context)
        certificate = read(pair.certificate_setting, pair.certificate)
        key = read(pair.key_setting, pair.key)
    return Tls(context=context, roots=roots, certificate=certificate, key=key)
