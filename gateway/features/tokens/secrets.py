"""The shared secrets that tokens are signed with."""

import codecs

import orjson
import structlog
from jose import jwk
from jose.exceptions import JOSEError

from gateway.core.errors import ConfigurationError
from gateway.core.settings.model import Settings
from gateway.core.settings.reach import ANYWHERE
from gateway.features.tokens.settings import TokenSettings

log = structlog.stdlib.get_logger("gateway.auth")

SHORTEST_SECRET_BYTES = 32
"""RFC 7518 section 3.2: at least as many as HS256's hash has."""
PUBLISHED_SECRETS = frozenset(
    {
        b"dev-secret-key-change-in-production",
        b"opencue-dev-jwt-secret-change-in-production",
        b"a-string-secret-at-least-256-bits-long",
        b"your-256-bit-secret",
        b"your-256-bit-secret-your-256-bit-secret",
        b"your-secret",
        b"your-secret-key",
        b"your-production-secret-key-here",
        b"replace-this-with-32-random-bytes-or-more",
    }
)
"""From examples of OpenCue (the second is in its compose file), jwt.io and this project."""
NEW_SECRET_COMMAND = "openssl rand -base64 32"  # noqa: S105 - a command


def load_secrets(
    settings: Settings, held: tuple[bytes, ...] = (), *, reached_at: tuple[str, ...] = ()
) -> tuple[bytes, ...]:
    """The secrets of the settings; the first signs. There may be none only with JWT_JWKS.

    With `held`, the secrets in use, a file that seems to be half written is an error. With
    `reached_at`, published secrets are errors. Raises ConfigurationError, and
    logs a warning about secrets that are easy to guess.
    """
    section = settings.section(TokenSettings)
    secrets = read_secrets(settings, held)
    if not secrets and (section.jwt_jwks is None or section.jwt_secret_file is not None):
        raise ConfigurationError(
            "JWT_SECRET: there is no secret that tokens are signed with; set it or JWT_SECRET_FILE"
            f" (one way to make one: {NEW_SECRET_COMMAND})"
        )
    for number, secret in enumerate(secrets, 1):
        if is_public(secret, section.jwt_algorithms[0]):
            raise ConfigurationError(
                f"JWT_SECRET: secret number {number} is a key or certificate, not a shared secret"
            )
    if reached_at:
        refuse_published(settings, secrets, reached_at)
    for warning in weaknesses(settings, secrets):
        log.warning(warning)
    return secrets


def refuse_published(
    settings: Settings,
    secrets: tuple[bytes, ...],
    reached_at: tuple[str, ...],
) -> None:
    """Raise ConfigurationError for a published secret."""
    or_else = "" if reached_at == ANYWHERE else ", or listen on 127.0.0.1"
    in_file = settings.section(TokenSettings).jwt_secret_file is not None
    name = "JWT_SECRET_FILE" if in_file else "JWT_SECRET"
    problems = [
        f"{name}: secret number {number} is published in an example, so anyone who reaches the"
        f" gateway ({', '.join(reached_at)}) could run commands on the farm. Make another"
        f" ({NEW_SECRET_COMMAND}){or_else}"
        for number, secret in enumerate(secrets, 1)
        if secret in PUBLISHED_SECRETS
    ]
    if problems:
        raise ConfigurationError(*problems)


def read_secrets(settings: Settings, held: tuple[bytes, ...] = ()) -> tuple[bytes, ...]:
    """The secret in JWT_SECRET, or those in JWT_SECRET_FILE. Raises ConfigurationError."""
    section = settings.section(TokenSettings)
    file = section.jwt_secret_file
    if section.jwt_secret is not None and file is not None:
        raise ConfigurationError("JWT_SECRET and JWT_SECRET_FILE are both set; unset one")
    if file is not None:
        try:
            content = file.read_bytes()
        except OSError as error:
            raise ConfigurationError(
                f"JWT_SECRET_FILE: cannot read {file}: {error.strerror}"
            ) from None
        if held and is_half_written(content, held):
            raise ConfigurationError(
                f"JWT_SECRET_FILE: {file} seems to be half written; end its last line with a"
                " newline, and reload"
            )
        return secrets_in(content)
    if section.jwt_secret is None:
        return ()
    text = section.jwt_secret.get_secret_value()
    return (text.encode("utf-8", "surrogateescape"),) if text.strip() else ()


def secrets_in(content: bytes) -> tuple[bytes, ...]:
    """The lines of a file that are neither blank nor comments."""
    lines = content.removeprefix(codecs.BOM_UTF8).splitlines()
    return tuple(line for line in lines if line.strip() and not line.lstrip().startswith(b"#"))


def is_half_written(content: bytes, held: tuple[bytes, ...]) -> bool:
    """Whether the last line seems cut: new, without a newline, and not a whole secret by itself.

    Kubernetes mounts files of one secret without a newline, which are whole.
    """
    _, newline, last = content.rpartition(b"\n")
    if not last.strip() or last in held:
        return False
    cut = len(last) < SHORTEST_SECRET_BYTES or any(secret.startswith(last) for secret in held)
    return bool(newline) or cut


def is_public(secret: bytes, algorithm: str) -> bool:
    """Whether this is a public key or certificate (PEM, SSH, JWK)."""
    try:
        jwk.construct(secret, algorithm)
    except JOSEError:
        return True
    try:
        content = orjson.loads(secret)
    except orjson.JSONDecodeError:
        return False
    keys = content.get("keys", [content]) if isinstance(content, dict) else []
    return any(isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") for key in keys)


def weaknesses(settings: Settings, secrets: tuple[bytes, ...]) -> list[str]:
    """A warning, with a remedy, for each secret that is published or easy to guess."""
    file = settings.section(TokenSettings).jwt_secret_file
    remedy = f"export JWT_SECRET=$({NEW_SECRET_COMMAND})"
    if file is not None:
        remedy = f"{NEW_SECRET_COMMAND} >> {file}; move the clients over, then remove this one"
    return [
        f"JWT secret number {number} {problem}, so anyone may sign tokens as anybody. Make another:"
        f" {remedy}"
        for number, secret in enumerate(secrets, 1)
        if (problem := weakness(secret))
    ]


def weakness(secret: bytes) -> str:
    """The problem of a secret; empty if there is none."""
    if secret in PUBLISHED_SECRETS:
        return "is published in an example and easy to guess"
    if len(secret) < SHORTEST_SECRET_BYTES:
        return f"is easy to guess (fewer than {SHORTEST_SECRET_BYTES} random bytes)"
    return ""
