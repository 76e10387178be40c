"""What a client is: a way to call methods, through a gateway or straight to Cuebot."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol
from urllib.parse import unquote

from gateway_cli.client.arguments import Arguments

IGNORED_FIELDS = "X-Ignored-Fields"
TRUNCATED = "X-Truncated"
WHOLE: Mapping[str, str] = MappingProxyType({})
"""The parameters of a view that shows everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to a successful call."""

    content: bytes
    """Compact JSON, or what the view has made of it."""
    ignored: tuple[str, ...] = ()
    """Paths of the request's fields that were ignored, since no message has them."""
    cut_at: int = 0
    """How many rows Cuebot was asked for, if there are as many; there may be more."""
    viewed: bool = True
    """Whether the answer is as the view wanted it; False from a gateway that knows no views."""


class Client(Protocol):
    """A way to call methods by the names that people write (`Job/GetJobs`).

    A failed call raises GatewayError, whose headers may name ignored fields; a call of a method
    that does not exist raises InvalidCall.
    """

    async def call(
        self,
        name: str,
        request: Arguments,
        *,
        view: Mapping[str, str] = WHOLE,
        dry_run: bool = False,
    ) -> Answer:
        """Call the method with this request; `view` has parameters such as `_fields`.

        A view that is wrong raises GatewayError (INVALID_ARGUMENT) before anything is called. A
        dry run checks the call and shows what would be sent, without sending it to Cuebot.
        """


def ignored_fields(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The paths of ignored fields, as a gateway's `X-Ignored-Fields` header lists them."""
    return tuple(unquote(path) for path in headers.get(IGNORED_FIELDS, "").split(", ") if path)
