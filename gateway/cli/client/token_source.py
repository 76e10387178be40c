"""Where `call` gets its token from."""

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
    """Where the token for each call comes from: --token, --sub, TOKEN, else the user's name.

    A signed one is made anew for each call, since a watch may outlive it. Raises
    ConfigurationError when there is none, or what is given cannot be one.
    """
    if token is not None and sub is not None:
        raise ConfigurationError("--token and --sub are both given; leave one out")
    given = token if token is not None or sub is not None else os.environ.get("TOKEN") or None
    if given is not None:
        given = given.strip()
        if not given or not given.isascii() or not given.isprintable() or " " in given:
            raise ConfigurationError("the token has characters that tokens do not have")
        return partial(str, given)
    if settings.jwt_secret is None and settings.jwt_secret_file is None:
        raise ConfigurationError(
            "there is no token for the gateway: set TOKEN, or JWT_SECRET to sign one"
        )
    sign = partial(
        mint_token,
        load_secrets(settings)[0],
        token_rules(settings),
        user_name() if sub is None else sub,
        TOKEN_SECONDS,
    )
    sign()  # so that what cannot be signed ends the command before it calls
    return sign


def user_name() -> str:
    """Who runs this process, as far as the system knows."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an id without a name, as containers have
        return f"uid-{os.getuid()}"
