"""The secrets that tokens are signed with."""

import structlog
from jose import jwk
from jose.exceptions import JOSEError

from gateway.errors import ConfigurationError
from gateway.settings.model import Settings

log = structlog.stdlib.get_logger("gateway.auth")

SHORT_SECRET = 32
"""Bytes; RFC 7518 section 3.2 asks for at least as many as HS256's hash has."""
PUBLISHED_SECRETS = frozenset(
    {
        b"dev-secret-key-change-in-production",
        b"opencue-dev-jwt-secret-change-in-production",
        b"a-string-secret-at-least-256-bits-long",
        b"your-256-bit-secret-your-256-bit-secret",
    }
)
"""Secrets of that length in published examples (OpenCue's, jwt.io's)."""


def load_secrets(settings: Settings) -> tuple[bytes, ...]:
    """The secrets that tokens may be signed with, the first being the one to sign with.

    Raises ConfigurationError without one; warns about those that are easy to guess.
    """
    secrets = read_secrets(settings)
    if not secrets:
        raise ConfigurationError(
            "JWT_SECRET: there is no secret that tokens are signed with; set it or JWT_SECRET_FILE"
            " (one way to make one: openssl rand -base64 32)"
        )
    for number, secret in enumerate(secrets, 1):
        try:
            jwk.construct(secret, settings.jwt_algorithms[0])
        except JOSEError:
            raise ConfigurationError(
                f"JWT_SECRET: secret number {number} is a key or certificate, not a shared secret"
            ) from None
        if is_weak(secret):
            log.warning(
                "a JWT secret is easy to guess; use 32 random bytes or more", secret_number=number
            )
    return secrets


def read_secrets(settings: Settings) -> tuple[bytes, ...]:
    """What JWT_SECRET says, or each line of JWT_SECRET_FILE. Raises ConfigurationError."""
    if settings.jwt_secret is not None and settings.jwt_secret_file is not None:
        raise ConfigurationError("JWT_SECRET and JWT_SECRET_FILE are both set; unset one")
    if settings.jwt_secret_file is not None:
        try:
            content = settings.jwt_secret_file.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"JWT_SECRET_FILE: cannot read {settings.jwt_secret_file}: {error.strerror}"
            ) from None
        return tuple(line for line in content.splitlines() if line.strip())
    if settings.jwt_secret is None:
        return ()
    text = settings.jwt_secret.get_secret_value()
    return (text.encode("utf-8", "surrogateescape"),) if text.strip() else ()


def is_weak(secret: bytes) -> bool:
    """Whether the secret is short, or known to everybody."""
    return secret in PUBLISHED_SECRETS or len(secret) < SHORT_SECRET
