"""The server's certificate, read from the files that the settings name."""

import ssl
from datetime import UTC, datetime, timedelta

import structlog
from cryptography import x509

from gateway.server.certificate import Certificate, empty_context
from gateway.settings.key_files import KeyPair, load_pair, minute, pair_of
from gateway.settings.model import Settings

log = structlog.stdlib.get_logger("gateway.server")

SOON = timedelta(days=14)
"""A certificate that expires within this time is warned about."""


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


def ends_soon(certificate: x509.Certificate) -> str | None:
    """When a certificate ends, if somebody should see to that."""
    ends = certificate.not_valid_after_utc
    return minute(ends) if ends - datetime.now(UTC) < SOON else None
