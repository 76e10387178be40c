"""Tokens for a gateway: claims on the command line, and choosing the token to send."""

import getpass
import os
from collections.abc import Callable, Iterable
from functools import partial

import orjson

from gateway.core.errors import ConfigurationError
from gateway.core.principal import Signer
from gateway.core.settings.model import Settings
from gateway.feature import identify_callers
from gateway.features import FEATURES
from gateway_client.errors import InvalidCall

SIGNED_TOKEN_SECONDS = 300


def token_source(settings: Settings, token: str | None, sub: str | None) -> Callable[[], str]:
    """A function that returns the token for the next request.

    In this order: --token; one signed for --sub; TOKEN; one signed for the user's name. Signing is
    repeated for each request, since --watch may outlive a token. Empty if the gateway needs none.
    Raises ConfigurationError.
    """
    if token is not None and sub is not None:
        raise ConfigurationError("use either --token or --sub, not both")
    given = token if token is not None or sub is not None else os.environ.get("TOKEN") or None
    if given is not None:
        given = given.strip()
        if not given or not given.isascii() or not given.isprintable() or " " in given:
            raise ConfigurationError("the token contains characters that no token has")
        return partial(str, given)
    if not identify_callers(FEATURES):
        return str
    sign = signer_of(settings)
    if sign is None:
        raise ConfigurationError(
            "there is no token for the gateway: set TOKEN, or JWT_SECRET to sign one"
        )
    signed = partial(sign, user_name() if sub is None else sub, SIGNED_TOKEN_SECONDS)
    signed()  # raises before anything is called
    return signed


def signer_of(settings: Settings) -> Signer | None:
    """Raises ConfigurationError."""
    signers = (each.signer(settings) for each in FEATURES)
    return next((each for each in signers if each is not None), None)


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
