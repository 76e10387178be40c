"""TLS to Cuebot: the certificates that the settings name, and what its failures mean."""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

import grpc

from gateway.errors import ConfigurationError
from gateway.settings.key_files import load_pair, pair_of, read
from gateway.settings.model import Settings

FILES = ("cuebot_ca_file", "cuebot_cert_file", "cuebot_key_file")
PUBLIC_ROOTS = Path(
    os.environ.get("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH")
    or Path(grpc.__file__).parent / "_cython" / "_credentials" / "roots.pem"
)
"""The CAs that gRPC trusts by default, for both transports to trust the same."""
CLOSED = ("Socket closed", "reset by peer", "CERTIFICATE_REQUIRED")
"""How it looks from here when a server does not like what we have, or have not."""


@dataclass(frozen=True, slots=True)
class Tls:
    """What a channel needs for TLS, and where it is from."""

    credentials: grpc.ChannelCredentials
    context: ssl.SSLContext
    """The same for the `http2` transport."""
    own_roots: bool
    """Whether CUEBOT_CA_FILE says whom to trust; else it is the public CAs that gRPC brings."""
    certified: bool
    """Whether there is a client certificate."""


def load_tls(settings: Settings) -> Tls | None:
    """What CUEBOT_TLS and the files beside it ask for; None is plaintext.

    Raises ConfigurationError for a file that cannot be used, for half of a pair, and for a file
    that would not be used: whoever sets one does not want plaintext.
    """
    if not settings.cuebot_tls:
        problems = [
            f"{name.upper()}: is of no use without CUEBOT_TLS=true"
            for name in FILES
            if getattr(settings, name) is not None
        ]
        if problems:
            raise ConfigurationError(*problems)
        return None
    roots = certificate = key = None
    if settings.cuebot_ca_file is not None:
        roots = read("CUEBOT_CA_FILE", settings.cuebot_ca_file)
        check_roots(settings.cuebot_ca_file)
    context = make_context(settings.cuebot_ca_file or PUBLIC_ROOTS)
    pair = pair_of(settings, "cuebot")
    if pair is not None:
        load_pair(pair, context)
        certificate = read(pair.certificate_setting, pair.certificate)
        key = read(pair.key_setting, pair.key)
    return Tls(
        grpc.ssl_channel_credentials(roots, key, certificate),
        context,
        own_roots=roots is not None,
        certified=certificate is not None,
    )


def make_context(roots: Path) -> ssl.SSLContext:
    """Trusts these CAs, checks names, and speaks HTTP/2."""
    context = ssl.create_default_context(cafile=str(roots))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    return context


def check_roots(path: Path) -> None:
    """Raises ConfigurationError for a file without a certificate; gRPC would only fail to connect.

    OpenSSL is asked because it says so, before anything is connected.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:  # which an SSLError is
        raise ConfigurationError(f"CUEBOT_CA_FILE: {path} has no certificate in PEM") from None


def likely_cause(message: str, tls: Tls | None) -> str:
    """What gRPC's words about a connection that cannot be made are likely to mean, and what to
    do about it: `its certificate has expired`. Empty when they say it themselves.
    """
    closed = any(word in message for word in CLOSED)
    if tls is None:
        return "it closes connections; if it speaks TLS, set CUEBOT_TLS=true" if closed else ""
    if "certificate has expired" in message:
        return "its certificate has expired"
    if "CERTIFICATE_VERIFY_FAILED" in message:
        if tls.own_roots:
            return "its certificate is from no CA of CUEBOT_CA_FILE"
        return "its certificate is from no public CA; set CUEBOT_CA_FILE to that of its own"
    if "Hostname Verification" in message:
        return "its certificate is for another name than that in CUEBOT_ENDPOINT"
    if "WRONG_VERSION_NUMBER" in message:
        return "it does not speak TLS, which CUEBOT_TLS asks for"
    if closed and tls.certified:
        return "it closes connections, perhaps since it does not trust CUEBOT_CERT_FILE"
    if closed:
        return (
            "it closes connections; if it wants a client certificate, set CUEBOT_CERT_FILE and"
            " CUEBOT_KEY_FILE"
        )
    return ""
