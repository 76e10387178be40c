"""Tokens for a gateway: a given one, or that of a command, which is run again before it expires."""

import base64
import time
from dataclasses import dataclass
from typing import Any

import orjson

from gateway_client.errors import Failure, WrongSetting

RENEWED_BEFORE_SECONDS = 30.0
COMMAND_TIMEOUT_SECONDS = 120.0


def claims_of(token: str) -> dict[str, Any]:
    """The claims of a token, unverified; none if it cannot be read."""
    try:
        _, middle, _ = token.split(".")
        found = orjson.loads(base64.urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def subject_of(token: str) -> str:
    return str(claims_of(token).get("sub", ""))


@dataclass(slots=True)
class TokenSource:
    token: str = ""
    command: str = ""
    expires: float = float("inf")

    def __call__(self) -> str:
        """Raises Failure if the command fails, and WrongSetting for what is no token."""
        if self.command and (not self.token or time.time() >= self.expires):
            self.token = run(self.command)
            expires = claims_of(self.token).get("exp")
            if isinstance(expires, int | float):
                self.expires = expires - RENEWED_BEFORE_SECONDS
        token = self.token
        if token and (not token.isascii() or not token.isprintable() or " " in token):
            raise WrongSetting("the token contains characters that no token has")
        return token


def run(command: str) -> str:
    import subprocess

    try:
        done = subprocess.run(  # noqa: S602 - it is the user's own command
            command,
            shell=True,
            stdout=subprocess.PIPE,
            check=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
        )
    except subprocess.SubprocessError as error:
        raise Failure(f"the token command failed: {error}") from None
    token = done.stdout.decode(errors="replace").strip()
    if not token:
        raise Failure("the token command has printed nothing")
    return token
