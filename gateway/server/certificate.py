"""The certificate that clients see, in a context that can take another one while it is used."""

import ssl
from datetime import UTC, datetime, timedelta

import structlog
from cryptography import x509

from gateway.settings.key_files import KeyPair, load_pair, minute, pair_of
from gateway.settings.model import Settings

log = structlog.stdlib.get_logger("gateway.server")

SOON = timedelta(days=14)
"""A certificate that expires within this time is warned about."""


class Certificate:
    """The pair of TLS_CERT_FILE and TLS_KEY_FILE, for TLS 1.2 or newer (RFC 8996).

    `context` is for the listener, and stays; `use` puts another pair behind it, which connections
    see from then on.
    """

    def __init__(self, current: ssl.SSLContext) -> None:
        self._current = current
        self.context = current
        self.context.sni_callback = self._show

    def use(self, current: ssl.SSLContext) -> None:
        """Show the pair of this context (one of `make_context`) to new connections."""
        self._current = current

    def _show(self, connection: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        """Called for each connection, whether it names a server (SNI) or not."""
        connection.context = self._current


def load_certificate(settings: Settings) -> Certificate | None:
    """The certificate that the settings name; None for plain HTTP.

    Raises ConfigurationError when only half of a pair is set, or it cannot be used.
    """
    pair = pair_of(settings, "tls")
    return None if pair is None else Certificate(make_context(pair))


def make_context(pair: KeyPair) -> ssl.SSLContext:
    """A server's context with this pair. Warns when the certificate expires soon.

    Raises ConfigurationError when the pair cannot be used.
    """
    context = empty_context()
    certificate = load_pair(pair, context)
    if (ends := ends_soon(certificate)) is not None:
        log.warning("the TLS certificate expires soon", file=str(pair.certificate), ends=ends)
    return context


def empty_context() -> ssl.SSLContext:
    """A server's context without a pair."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def ends_soon(certificate: x509.Certificate) -> str | None:
    """When a certificate ends, if somebody should see to that."""
    ends = certificate.not_valid_after_utc
    return minute(ends) if ends - datetime.now(UTC) < SOON else None
