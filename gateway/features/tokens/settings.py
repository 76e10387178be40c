"""The settings of tokens: how they are signed, and which are accepted."""

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from gateway.core.settings.model import Strict
from gateway.core.settings.notes import Hidden, Secret, SecretFile
from gateway.core.settings.types import (
    DURATION_MAX_SECONDS,
    Duration,
    Words,
    is_local,
    parse_duration,
    parse_words,
)


def check_some(value: tuple[str, ...]) -> tuple[str, ...]:
    """After the names: pydantic's own `min_length` counts those that are right."""
    if not value:
        raise ValueError("expected one at least")
    return value


def check_subjects(value: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        if name in ("", "exp", "nbf", "iat", "iss", "aud"):
            raise ValueError("expected claims that say who is calling, such as sub or email")
    return value


def check_key_set(value: str) -> str:
    """A file, or a URL whose answer nobody on the network can change."""
    if "://" not in value and value.strip():
        return value
    try:
        url = urlsplit(value)
        good = bool(url.hostname and (url.port is None or url.port)) and value.isprintable()
    except ValueError:
        good = False
    if (
        not good
        or "@" in url.netloc
        or " " in value
        or not (url.scheme == "https" or (url.scheme == "http" and is_local(url.hostname or "")))
    ):
        raise ValueError(
            "expected a file or an https URL without a password (http only from this machine)"
        )
    return value


class TokenSettings(Strict):
    jwt_secret: Annotated[SecretStr | None, Secret("jwt_secret_file")] = None
    jwt_secret_file: Annotated[Path | None, SecretFile()] = None
    jwt_algorithms: Annotated[
        tuple[Literal["HS256", "HS384", "HS512"], ...],
        BeforeValidator(parse_words),
        AfterValidator(check_some),
    ] = ("HS256",)
    jwt_required_claims: Words = ("sub", "exp")
    jwt_subject_claim: Annotated[Words, Field(min_length=1), AfterValidator(check_subjects)] = (
        "sub",
    )
    jwt_audience: str | None = None
    jwt_issuer: str | None = None
    jwt_jwks: Annotated[Annotated[str, AfterValidator(check_key_set)] | None, Hidden()] = None
    jwt_deny_file: Path | None = None
    jwt_secret_audience: str | None = None
    jwt_secret_issuer: str | None = None
    jwt_leeway: Duration = 0.0
    jwt_max_age: Annotated[
        float, BeforeValidator(parse_duration), Field(ge=0, le=DURATION_MAX_SECONDS)
    ] = 0.0
