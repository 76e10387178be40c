"""Signing tokens with the gateway's own secret."""

import time
from collections.abc import Mapping
from types import MappingProxyType

import orjson
from jose import jwk, jws

from gateway.core.errors import ConfigurationError
from gateway.core.principal import Signer
from gateway.core.settings.model import Settings
from gateway.features.tokens.secrets import load_secrets
from gateway.features.tokens.settings import TokenSettings
from gateway.features.tokens.tokens import LONGEST_SUBJECT_CHARACTERS, TokenRules, token_rules

NO_CLAIMS: Mapping[str, object] = MappingProxyType({})


def signer_of(settings: Settings) -> Signer | None:
    section = settings.section(TokenSettings)
    if section.jwt_secret is None and section.jwt_secret_file is None:
        return None
    secret, rules = signing_secret(settings), token_rules(settings)

    def sign(subject: str, seconds: float) -> str:
        return mint_token(secret, rules, subject, min(seconds, rules.max_age or seconds))

    return sign


def signing_secret(settings: Settings) -> bytes:
    """The secret to sign tokens with. Raises ConfigurationError."""
    secrets = load_secrets(settings)
    if not secrets:
        raise ConfigurationError(
            "JWT_SECRET: there is no secret to sign tokens with; get one from the identity provider"
            " (JWT_JWKS)"
        )
    return secrets[0]


def mint_token(
    secret: bytes,
    rules: TokenRules,
    subject: str,
    seconds: float,
    now: float | None = None,
    claims: Mapping[str, object] = NO_CLAIMS,
) -> str:
    """A token that a gateway with this secret and these rules accepts, with more `claims`.

    Raises ConfigurationError for an invalid subject or lifetime, for required claims without a
    known value, and for more claims that a token has anyway.
    """
    if not 0 < len(subject) <= LONGEST_SUBJECT_CHARACTERS or not is_unicode(subject):
        raise ConfigurationError(
            f"a token's subject is a text of 1 to {LONGEST_SUBJECT_CHARACTERS} characters"
        )
    if rules.max_age and seconds > rules.max_age:
        raise ConfigurationError(
            f"JWT_MAX_AGE: the gateway takes no token that lives longer than {rules.max_age:g} s"
        )
    issued = int(time.time() if now is None else now)
    own: dict[str, object] = {"iat": issued, "exp": issued + int(seconds)}
    if rules.issuer is not None:
        own["iss"] = rules.issuer
    if rules.audience is not None:
        own["aud"] = rules.audience
    own[rules.subject[0]] = subject
    for name in claims:
        if name in own:
            raise ConfigurationError(f"the claim {name} is not to be given: {instead_of(name)}")
    signed = {**claims, **own}
    for name in rules.required:
        if name not in signed and name != "sub":
            raise ConfigurationError(f"JWT_REQUIRED_CLAIMS: no value is known for the claim {name}")
    algorithm = rules.algorithms[0]
    key = jwk.construct(secret, algorithm)
    return jws.sign(orjson.dumps(signed), key, algorithm=algorithm)


def instead_of(name: str) -> str:
    """Where a claim comes from that every token has."""
    setting = {"iss": "JWT_ISSUER", "aud": "JWT_AUDIENCE"}.get(name)
    if setting is not None:
        return f"{setting} has it"
    return "--ttl decides" if name in ("iat", "exp") else "--sub has it"


def is_unicode(text: str) -> bool:
    """Whether the text has no surrogates, which undecodable bytes become."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
