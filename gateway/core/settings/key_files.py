"""A certificate and its key in PEM files, for clients (TLS_…) or for Cuebot (CUEBOT_…)."""

import os
import ssl
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from cryptography import x509

from gateway.core.errors import ConfigurationError
from gateway.core.settings.model import Settings
from gateway.core.settings.notes import SecretFile, noted


@dataclass(frozen=True, slots=True)
class KeyPair:
    certificate: Path
    """The certificate, followed by its intermediate ones."""
    key: Path
    certificate_setting: str
    key_setting: str


def pair_of(settings: Settings, whose: Literal["tls", "cuebot"]) -> KeyPair | None:
    """The pair of these settings, or none. Raises ConfigurationError for half of one."""
    files = {
        name.upper(): getattr(settings, name)
        for name in (f"{whose}_cert_file", f"{whose}_key_file")
    }
    given = [name for name, file in files.items() if file is not None]
    if len(given) == 1:
        (missing,) = files.keys() - given
        raise ConfigurationError(f"{given[0]}: needs {missing} beside it")
    return KeyPair(*files.values(), *files) if given else None


def load_pair(pair: KeyPair, context: ssl.SSLContext) -> x509.Certificate:
    """Load the pair into the context, and return its own certificate.

    Raises ConfigurationError, which names the setting, the file and the problem.
    """
    certificate = first_certificate(pair)
    read(pair.key_setting, pair.key)
    check_dates(certificate, pair)
    try:
        context.load_cert_chain(pair.certificate, pair.key, password=no_passphrase)
    except Locked:
        problem = f"{pair.key} is locked with a passphrase, which nobody could type"
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            problem = (
                f"{pair.key} is not the key of {pair.certificate_setting} ({pair.certificate})"
            )
        else:
            problem = f"there is no key in {pair.key} that can be used: PEM without a passphrase"
    except OSError as error:  # the files are being replaced
        problem = f"cannot read {pair.key} or {pair.certificate}: {error.strerror}"
    else:
        return certificate
    raise ConfigurationError(f"{pair.key_setting}: {problem}")


def read(setting: str, path: Path) -> bytes:
    """The file of a setting. Raises ConfigurationError."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{setting}: cannot read {path}: {error.strerror}") from None


def readable_by_all(settings: Settings) -> list[str]:
    """A warning for each file with a secret or key that everyone on this machine can read."""
    names = (name for name, _ in noted(type(settings), SecretFile))
    files = {name.upper(): getattr(settings, name) for name in names}
    files["GATEWAY_CONFIG"] = settings.secret_in
    return [
        f"{name}: everyone on this machine can read {file}; chmod o= {file}"
        for name, file in files.items()
        if os.name == "posix" and file is not None and is_readable_by_all(file)
    ]


def is_readable_by_all(file: Path) -> bool:
    """By its mode alone; False if there is no such file."""
    try:
        return bool(file.stat().st_mode & stat.S_IROTH)
    except OSError:
        return False


def first_certificate(pair: KeyPair) -> x509.Certificate:
    """The pair's own certificate. Raises ConfigurationError."""
    content = read(pair.certificate_setting, pair.certificate)
    try:
        return x509.load_pem_x509_certificates(content)[0]
    except (ValueError, x509.InvalidVersion):
        raise ConfigurationError(
            f"{pair.certificate_setting}: there is no certificate in {pair.certificate} that can"
            " be used: PEM, yours first"
        ) from None


def check_dates(certificate: x509.Certificate, pair: KeyPair) -> None:
    """Raise ConfigurationError for a certificate that has expired or is not valid yet."""
    now = datetime.now(UTC)
    began, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    place = f"{pair.certificate_setting}: {pair.certificate}"
    if now >= ends:
        raise ConfigurationError(f"{place} has expired on {minute(ends)}")
    if now < began:
        raise ConfigurationError(
            f"{place} is not valid before {minute(began)}; is this machine's clock right?"
        )


def minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


class Locked(Exception):
    """The key has a passphrase."""


def no_passphrase() -> str:
    """Keeps OpenSSL from asking on the terminal."""
    raise Locked
