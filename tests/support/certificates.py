"""Certificates for tests: an authority of their own, and pairs that it has signed."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import trustme
from cryptography.hazmat.primitives import serialization
from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificate


@cache
def authority() -> trustme.CA:
    """The authority that the clients of these tests trust."""
    return trustme.CA()


def trusting(version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority().configure_trust(context)
    if version is not None:
        context.minimum_version = context.maximum_version = version
    return context


@dataclass(frozen=True)
class Pair:
    certificate: Path
    key: Path

    def renew(self, *, days: float = 365, began: float = 1, password: bytes = b"") -> None:
        """Another certificate and key in the same files, valid for so many days."""
        now = datetime.now(UTC)
        since, until = now - timedelta(days=began), now + timedelta(days=days)
        leaf = authority().issue_cert("127.0.0.1", not_before=since, not_after=until)
        self.certificate.write_bytes(b"".join(part.bytes() for part in leaf.cert_chain_pems))
        key = leaf.private_key_pem.bytes()
        if password:
            sealed = serialization.BestAvailableEncryption(password)
            form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed
            key = serialization.load_pem_private_key(key, None).private_bytes(*form)
        self.key.write_bytes(key)

    @property
    def settings(self) -> dict[str, str]:
        return {"tls_cert_file": str(self.certificate), "tls_key_file": str(self.key)}

    @property
    def environ(self) -> dict[str, str]:
        return {name.upper(): value for name, value in self.settings.items()}

    @property
    def serial(self) -> int:
        return load_pem_x509_certificate(self.certificate.read_bytes()).serial_number


def serial(certificate: bytes | None) -> int:
    assert certificate is not None
    return load_der_x509_certificate(certificate).serial_number


def pair(folder: Path, **valid: Any) -> Pair:
    made = Pair(folder / "cert.pem", folder / "key.pem")
    made.renew(**valid)
    return made
