"""The secrets that tokens are signed with."""

import codecs
from ipaddress import ip_address

import orjson
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
        b"your-256-bit-secret",
        b"your-256-bit-secret-your-256-bit-secret",
        b"your-secret",
        b"your-secret-key",
        b"your-production-secret-key-here",
        b"replace-this-with-32-random-bytes-or-more",
    }
)
"""Secrets in published examples: OpenCue's (the second is in its compose file), jwt.io's, ours."""
NEW_SECRET = "openssl rand -base64 32"  # noqa: S105 - makes one


def load_secrets(
    settings: Settings, held: tuple[bytes, ...] = (), *, reached_at: tuple[str, ...] = ()
) -> tuple[bytes, ...]:
    """The secrets that tokens may be signed with, the first being the one to sign with.

    There may be none only with JWT_JWKS. `held` are those that are in use when they are loaded
    again: then a file that seems to be half written is an error. So is a published secret, if the
    gateway can be reached from other machines (see that function).

    Raises ConfigurationError; warns about those that are easy to guess.
    """
    secrets = read_secrets(settings, held)
    if not secrets and (settings.jwt_jwks is None or settings.jwt_secret_file is not None):
        raise ConfigurationError(
            "JWT_SECRET: there is no secret that tokens are signed with; set it or JWT_SECRET_FILE"
            f" (one way to make one: {NEW_SECRET})"
        )
    for number, secret in enumerate(secrets, 1):
        if is_public(secret, settings.jwt_algorithms[0]):
            raise ConfigurationError(
                f"JWT_SECRET: secret number {number} is a key or certificate, not a shared secret"
            )
    if reached_at:
        refuse_published(settings, secrets, reached_at)
    for warning in weaknesses(settings, secrets):
        log.warning(warning)
    return secrets


def reached_at(settings: Settings) -> tuple[str, ...]:
    """The settings, with their values, by which the gateway listens to more than this machine.

    A name other than `localhost` is not looked up: it may stand for anything.
    """
    hosts = {"REST_HOST": settings.rest_host}
    if settings.metrics != "off" and settings.metrics_port is not None and settings.metrics_host:
        hosts["METRICS_HOST"] = settings.metrics_host
    return tuple(f"{name}={host}" for name, host in hosts.items() if not is_loopback(host))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refuse_published(
    settings: Settings,
    secrets: tuple[bytes, ...],
    reached_at: tuple[str, ...],
    or_else: str = ", or listen on 127.0.0.1",
) -> None:
    """Raise ConfigurationError if there is a secret that everybody knows.

    The message says where others reach the gateway, and `or_else` what else would help.
    """
    name = "JWT_SECRET" if settings.jwt_secret_file is None else "JWT_SECRET_FILE"
    problems = [
        f"{name}: secret number {number} is published in an example, so anyone who reaches the"
        f" gateway ({', '.join(reached_at)}) could run commands on the farm. Make another"
        f" ({NEW_SECRET}){or_else}"
        for number, secret in enumerate(secrets, 1)
        if secret in PUBLISHED_SECRETS
    ]
    if problems:
        raise ConfigurationError(*problems)


def read_secrets(settings: Settings, held: tuple[bytes, ...] = ()) -> tuple[bytes, ...]:
    """What JWT_SECRET says, or each line of JWT_SECRET_FILE. Raises ConfigurationError."""
    file = settings.jwt_secret_file
    if settings.jwt_secret is not None and file is not None:
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
    if settings.jwt_secret is None:
        return ()
    text = settings.jwt_secret.get_secret_value()
    return (text.encode("utf-8", "surrogateescape"),) if text.strip() else ()


def secrets_in(content: bytes) -> tuple[bytes, ...]:
    """Each line that is neither blank nor a comment, without a byte order mark before it."""
    lines = content.removeprefix(codecs.BOM_UTF8).splitlines()
    return tuple(line for line in lines if line.strip() and not line.lstrip().startswith(b"#"))


def is_half_written(content: bytes, held: tuple[bytes, ...]) -> bool:
    """Whether the last line ends early: it has no newline, is new, and no whole secret alone.

    A file of one secret and no newline, as Kubernetes mounts them, is whole.
    """
    _, newline, last = content.rpartition(b"\n")
    if not last.strip() or last in held:
        return False
    cut = len(last) < SHORT_SECRET or any(secret.startswith(last) for secret in held)
    return bool(newline) or cut


def is_public(secret: bytes, algorithm: str) -> bool:
    """Whether this is a key or certificate (PEM, SSH, JWK), which others know."""
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
    """A warning for each secret that others know or can guess, with what to do about it."""
    file = settings.jwt_secret_file
    remedy = f"export JWT_SECRET=$({NEW_SECRET})"
    if file is not None:
        remedy = f"{NEW_SECRET} >> {file}; move the clients over, then remove this one"
    return [
        f"JWT secret number {number} {problem}, so anyone may sign tokens as anybody. Make another:"
        f" {remedy}"
        for number, secret in enumerate(secrets, 1)
        if (problem := weakness(secret))
    ]


def weakness(secret: bytes) -> str:
    """What is wrong with a secret; empty if nothing is."""
    if secret in PUBLISHED_SECRETS:
        return "is published in an example and easy to guess"
    if len(secret) < SHORT_SECRET:
        return f"is easy to guess (fewer than {SHORT_SECRET} random bytes)"
    return ""
