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


def load_tls(ca_file: Path | None, pair: KeyPair | None) -> Tls:
    """TLS that trusts CUEBOT_CA_FILE and shows this pair.

    Raises ConfigurationError for a file that cannot be used.
    """
    roots = certificate = key = None
    if ca_file is not None:
        roots = read("CUEBOT_CA_FILE", ca_file)
    try:
        context = ssl.create_default_context(cafile=str(ca_file or PUBLIC_ROOTS))
    except OSError:  # which an SSLError is; gRPC would say nothing, and fail to connect
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
