"""TLS to Cuebot: trusted CAs, and the client certificate."""

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
"""gRPC's default CAs, for both transports."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    context: ssl.SSLContext
    roots: bytes | None
    """CUEBOT_CA_FILE (PEM); None is gRPC's public CAs."""
    certificate: bytes | None
    key: bytes | None = field(repr=False)


def load_tls(ca_file: Path | None, pair: KeyPair | None) -> Tls:
    """Raises ConfigurationError for an unusable file."""
    roots = certificate = key = None
    if ca_file is not None:
        roots = read("CUEBOT_CA_FILE", ca_file)
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
