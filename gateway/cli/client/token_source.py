"""Where a client gets its token from."""

import getpass
import os
from collections.abc import Callable
from functools import partial

from gateway.access.keys import load_secrets
from gateway.access.tokens import mint_token, token_rules
from gateway.errors import ConfigurationError
from gateway.settings.model import Settings

TOKEN_SECONDS = 300


def token_source(settings: Settings, token: str | None, sub: str | None) -> Callable[[], str]:
    """A function that returns the token for the next request.

    In this order: --token; one signed for --sub; TOKEN; one signed for the user's name. Signed
    tokens are made anew for each request, since --watch may outlive them. Raises
    ConfigurationError if there is none, or the given one cannot be a token.
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
    secret, subject = load_secrets(settings)[0], user_name() if sub is None else sub
    sign = partial(mint_token, secret, token_rules(settings), subject, TOKEN_SECONDS)
    sign()  # what cannot be signed ends the command before it calls
    return sign


def user_name() -> str:
    """The name of the user who runs this process, or `uid-…`."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in containers, ids may have no names
        return f"uid-{os.getuid()}"
