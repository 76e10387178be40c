"""Making tokens, which the gateway itself never does."""

import time

import orjson
from jose import jwk, jws

from gateway.access.secrets import load_secrets
from gateway.access.tokens import LONGEST_SUBJECT_CHARACTERS, TokenRules
from gateway.errors import ConfigurationError
from gateway.settings.model import Settings


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
    secret: bytes, rules: TokenRules, subject: str, seconds: float, now: float | None = None
) -> str:
    """A token for this subject that an `Authenticator` with this secret and rules accepts.

    Raises ConfigurationError when the rules demand a claim that only others can fill in, or for
    a subject that cannot be one.
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
    claims: dict[str, object] = {"iat": issued, "exp": issued + int(seconds)}
    if rules.issuer is not None:
        claims["iss"] = rules.issuer
    if rules.audience is not None:
        claims["aud"] = rules.audience
    claims[rules.subject[0]] = subject
    for name in rules.required:
        if name not in claims and name != "sub":
            raise ConfigurationError(f"JWT_REQUIRED_CLAIMS: no value is known for the claim {name}")
    algorithm = rules.algorithms[0]
    key = jwk.construct(secret, algorithm)
    return jws.sign(orjson.dumps(claims), key, algorithm=algorithm)


def is_unicode(text: str) -> bool:
    """Whether the text has no halves of characters, as undecodable bytes leave them."""
    return not any("\ud800" <= character <= "\udfff" for character in text)
