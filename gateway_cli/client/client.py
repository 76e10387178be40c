"""What a client is: a way to call methods, through a gateway or straight to Cuebot."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote

IGNORED_FIELDS = "X-Ignored-Fields"


class InvalidCall(Exception):
    """The call asks for something that does not exist: a method, a field. The text is one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a successful call, as compact JSON."""

    json: bytes
    ignored: tuple[str, ...] = ()
    """Paths of the request's fields that were ignored, since no message has them."""


class Client(Protocol):
    """A way to call methods by the names that people write (`Job/GetJobs`).

    A failed call raises GatewayError, whose headers may name ignored fields; a call of a method
    that does not exist raises InvalidCall.
    """

    async def call(self, name: str, body: bytes, *, dry_run: bool = False) -> Answer:
        """Call the method with this JSON.

        A dry run checks the call and shows what would be sent, without sending it to Cuebot.
        """


def ignored_fields(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The paths of ignored fields, as a gateway's `X-Ignored-Fields` header lists them."""
    return tuple(unquote(path) for path in headers.get(IGNORED_FIELDS, "").split(", ") if path)
