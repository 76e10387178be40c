"""The certificate that clients see, in a context that can take another one while it is used."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from cryptography import x509

from gateway.errors import ConfigurationError
from gateway.settings import Settings

log = structlog.stdlib.get_logger("gateway.server")

SOON = timedelta(days=14)
"""Within this time, the end of a certificate is warned about."""


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
    pair = pair_of(settings)
    return None if pair is None else Certificate(make_context(*pair))


def pair_of(settings: Settings) -> tuple[Path, Path] | None:
    """The two files, or none. Raises ConfigurationError for half of a pair."""
    cert_file, key_file = settings.tls_cert_file, settings.tls_key_file
    if cert_file is not None and key_file is not None:
        return cert_file, key_file
    if cert_file is not None or key_file is not None:
        there, missing = ("TLS_CERT_FILE", "TLS_KEY_FILE")[:: 1 if cert_file else -1]
        raise ConfigurationError(f"{there} is set and {missing} is not; HTTPS needs both")
    return None


def make_context(cert_file: Path, key_file: Path) -> ssl.SSLContext:
    """A server's context with this pair, whose end is warned about when it is near.

    Raises ConfigurationError, a line that names the file and what is wrong with it.
    """
    certificate = first_certificate(cert_file)
    read("TLS_KEY_FILE", key_file)
    check_dates(certificate, cert_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert_file, key_file, password=no_password)
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            problem = f"the key in {key_file} is not that of the certificate in {cert_file}"
        else:
            problem = f"there is no key in {key_file} that can be used: PEM without a password"
        raise ConfigurationError(f"TLS_KEY_FILE: {problem}") from None
    except OSError as error:  # somebody is replacing the files
        raise ConfigurationError(
            f"TLS_CERT_FILE, TLS_KEY_FILE: cannot read {cert_file} and {key_file}: {error.strerror}"
        ) from None
    if (ends := ends_soon(certificate)) is not None:
        log.warning("the TLS certificate ends soon", file=str(cert_file), ends=ends)
    return context


def read(name: str, path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{name}: cannot read {path}: {error.strerror}") from None


def first_certificate(path: Path) -> x509.Certificate:
    """The server's own in TLS_CERT_FILE. Raises ConfigurationError when there is none."""
    content = read("TLS_CERT_FILE", path)
    try:
        return x509.load_pem_x509_certificates(content)[0]
    except (ValueError, x509.InvalidVersion):
        raise ConfigurationError(
            f"TLS_CERT_FILE: there is no certificate in {path} that can be used: PEM, yours first"
        ) from None


def check_dates(first: x509.Certificate, path: Path) -> None:
    """Raise ConfigurationError for a certificate that does not hold now."""
    now = datetime.now(UTC)
    if now >= first.not_valid_after_utc:
        raise ConfigurationError(
            f"TLS_CERT_FILE: {path} has expired on {minute(first.not_valid_after_utc)}"
        )
    if now < first.not_valid_before_utc:
        raise ConfigurationError(
            f"TLS_CERT_FILE: {path} is not valid before {minute(first.not_valid_before_utc)};"
            " is this machine's clock right?"
        )


def ends_soon(certificate: x509.Certificate) -> str | None:
    """When a certificate ends, if somebody should see to that."""
    ends = certificate.not_valid_after_utc
    return minute(ends) if ends - datetime.now(UTC) < SOON else None


def minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def no_password() -> str:
    """The password of a key that has one; or OpenSSL would ask for it on the terminal."""
    return ""
