"""TLS to Cuebot: whom to trust, and what to show."""

import os
import ssl
from dataclasses import dataclass, field
from pathlib import Path

import grpc

from gateway.errors import ConfigurationError
from gateway.settings.key_files import KeyPair, load_pair, read

PUBLIC_ROOTS = Path(
    os.environ.get("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH")
    or Path(grpc.__file__).parent / "_cython" / "_credentials" / "roots.pem"
)
"""The CAs that gRPC trusts by default, for both transports to trust the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """What a channel needs for TLS: the same for each transport, as it takes it."""

    context: ssl.SSLContext
    roots: bytes | None
    """The CAs of CUEBOT_CA_FILE (PEM); None are the public ones that gRPC brings."""
    certificate: bytes | None
    """The client certificate (PEM)."""
    key: bytes | None = field(repr=False)

    @property
    def own_roots(self) -> bool:
        """Whether CUEBOT_CA_FILE says whom to trust."""
        return self.roots is not None

    @property
    def certified(self) -> bool:
        """Whether there is a client certificate."""
        return self.certificate is not None


def load_tls(ca_file: Path | None, pair: KeyPair | None) -> Tls:
    """TLS that trusts CUEBOT_CA_FILE and shows this pair.

    Raises ConfigurationError for a file that cannot be used.
    """
    roots = certificate = key = None
    if ca_file is not None:
        roots = read("CUEBOT_CA_FILE", ca_file)
        check_roots(ca_file)
    context = make_context(ca_file or PUBLIC_ROOTS)
    if pair is not None:
        load_pair(pair, context)
        certificate = read(pair.certificate_setting, pair.certificate)
        key = read(pair.key_setting, pair.key)
    return Tls(context=context, roots=roots, certificate=certificate, key=key)


def make_context(roots: Path) -> ssl.SSLContext:
    """Trusts these CAs, checks names, and speaks HTTP/2."""
    context = ssl.create_default_context(cafile=str(roots))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    return context


def check_roots(path: Path) -> None:
    """Raise ConfigurationError for a file without a certificate; gRPC would only fail to connect.

    OpenSSL is asked because it says so, before anything is connected.
    """
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError:  # which an SSLError is
        raise ConfigurationError(f"CUEBOT_CA_FILE: {path} contains no PEM certificate") from None
