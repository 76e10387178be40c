"""Tokens for a gateway: claims on the command line, signing one, choosing the one to send."""

import getpass
import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType

import orjson
from jose import jwk, jws

from gateway.core.errors import ConfigurationError
from gateway.core.settings.model import Settings
from gateway.features.tokens.secrets import load_secrets
from gateway.features.tokens.tokens import LONGEST_SUBJECT_CHARACTERS, TokenRules, token_rules
from gateway_client.errors import InvalidCall

SIGNED_TOKEN_SECONDS = 300
NO_CLAIMS: Mapping[str, object] = MappingProxyType({})


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


def token_source(settings: Settings, token: str | None, sub: str | None) -> Callable[[], str]:
    """A function that returns the token for the next request.

    In this order: --token; one signed for --sub; TOKEN; one signed for the user's name. Signing is
    repeated for each request, since --watch may outlive a token. Raises ConfigurationError.
    """
    if token is not None and sub is not None:
        raise ConfigurationError("use either --token or --sub, not both")
    given = token if token is not None or sub is not None else os.environ.get("TOKEN") or None
    if given is not None:
        given = given.strip()
        if not given or not given.isascii() or not given.isprintable() or " " in given:
            raise ConfigurationError("the token contains characters that no token has")
        return partial(str, given)
    if settings.jwt_secret is None and settings.jwt_secret_file is None:
        raise ConfigurationError(
            "there is no token for the gateway: set TOKEN, or JWT_SECRET to sign one"
        )
    secret, subject = signing_secret(settings), user_name() if sub is None else sub
    seconds = min(SIGNED_TOKEN_SECONDS, settings.jwt_max_age or SIGNED_TOKEN_SECONDS)
    sign = partial(mint_token, secret, token_rules(settings), subject, seconds)
    sign()  # raises before anything is called
    return sign


def user_name() -> str:
    """The name of the user who runs this process, or `uid-…`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in containers, ids may have no names
        return f"uid-{os.getuid()}"


# --- claims ---------------------------------------------------------------------------------------


def claims_from(written: Iterable[str], option: str) -> dict[str, object]:
    """Claims from `role=artist`, `shows=a,b` (a list), `realm.roles=td`, and JSON.

    A value that is JSON is taken as it is, and so is a whole object of claims. A claim that is
    repeated is a list. Raises InvalidCall for anything else.
    """
    found: dict[str, object] = {}
    for text in written:
        if text.startswith("{"):
            try:
                found |= orjson.loads(text)
            except orjson.JSONDecodeError as error:
                raise InvalidCall(f"{option}: {text!r} is no JSON object: {error}") from None
            continue
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise InvalidCall(
                f"{option}: {text!r} is not of the form CLAIM=VALUE, such as role=artist"
            )
        *parents, last = name.split(".")
        scope = found
        for parent in parents:
            inner = scope.setdefault(parent, {})
            if not isinstance(inner, dict):
                problem = f"{parent} has a value, so {name} cannot be inside of it"
                raise InvalidCall(f"{option}: {problem}")
            scope = inner
        new, before = value_of(value), scope.get(last)
        scope[last] = new if before is None else [*listed(before), *listed(new)]
    return found


def value_of(text: str) -> object:
    try:
        found: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        return [each.strip() for each in text.split(",")] if "," in text else text
    return found


def listed(claim: object) -> list[object]:
    return claim if isinstance(claim, list) else [claim]
