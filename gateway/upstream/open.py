"""The upstream for the settings."""

import structlog

from gateway.errors import ConfigurationError
from gateway.settings.key_files import pair_of
from gateway.settings.model import Settings
from gateway.upstream.balancer import Balancer
from gateway.upstream.endpoint import Endpoint
from gateway.upstream.grpcio import GrpcioChannel
from gateway.upstream.http2.channel import Http2Channel
from gateway.upstream.interface import Channel, ChannelOptions
from gateway.upstream.tls import Tls, load_tls

log = structlog.stdlib.get_logger("gateway.upstream")

MIN_PING_SECONDS = 300
"""Cuebot (grpc-java's default) closes a connection with more frequent pings."""
SILENCE_PATIENCE_SECONDS = 5.0
"""Time of waiting calls without any answer before a probe. Shorter with a short GRPC_TIMEOUT."""
PROBE_TIMEOUT_SECONDS = 3.0
"""Shorter with a short GRPC_TIMEOUT, within which all calls end."""
TLS_FILES = ("cuebot_ca_file", "cuebot_cert_file", "cuebot_key_file")

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

    def channel_to(endpoint: str) -> Channel:
        if settings.cuebot_transport == "grpcio":
            return GrpcioChannel(endpoint, options, tls)
        return Http2Channel(endpoint, options, None if tls is None else tls.context)

    endpoints = tuple(
        Endpoint(each, channel_to(each), tls, probe_timeout=probe_timeout)
        for each in settings.cuebot_endpoint
    )
    return endpoints[0] if len(endpoints) == 1 else Balancer(endpoints)


def tls_of(settings: Settings) -> Tls | None:
    """TLS of CUEBOT_TLS and its files; None is plaintext.

    Raises ConfigurationError for an unusable file, an incomplete pair, and a file without
    CUEBOT_TLS: its owner does not expect plaintext.
    """
    if settings.cuebot_tls:
        return load_tls(settings.cuebot_ca_file, pair_of(settings, "cuebot"))
    problems = [
        f"{name.upper()}: has no effect without CUEBOT_TLS=true"
        for name in TLS_FILES
        if getattr(settings, name) is not None
    ]
    if problems:
        raise ConfigurationError(*problems)
    return None
