"""The interface of clients, and their answers."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Protocol
from urllib.parse import unquote

import orjson

from gateway_client.arguments import Arguments
from gateway_client.errors import CallError

IGNORED_FIELDS = "X-Ignored-Fields"
TRUNCATED = "X-Truncated"
NO_MATCH = "X-No-Match"
FILTERED = "X-Filtered"
NO_DRY_RUNS = "this gateway does not support dry runs; nothing was sent"
WHOLE: Mapping[str, str] = MappingProxyType({})
"""The parameters of a call without a view."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    content: bytes
    """Compact JSON, or the view's format."""
    ignored: tuple[str, ...] = ()
    """Paths of the request's unknown fields, which were ignored."""
    cut_at: int = 0
    """The number of rows that Cuebot was asked for, if it sent as many: there may be more."""
    no_match: str = ""
    """The names in the request that are of nothing, where that is why there are no rows."""
    viewed: bool = True
    """Whether the view was applied; False from a gateway without views."""
    filtered: bool = False
    """Whether something may be missing that the token may not see."""

    @property
    def json(self) -> Any:
        return orjson.loads(self.content)


class Client(Protocol):
    """Calls methods by the names that people write (`Job/GetJobs`).

    A failed call raises CallError, whose headers may name ignored fields; a call of an unknown
    method raises InvalidCall.
    """

    async def call(
        self,
        name: str,
        request: Arguments,
        *,
        view: Mapping[str, str] = WHOLE,
        dry_run: bool = False,
    ) -> Answer:
        """Call the method; `view` has parameters such as `_fields`.

        A wrong view raises CallError (INVALID_ARGUMENT) before the call. A dry run shows what
        would be sent to Cuebot.
        """

    async def units(self, name: str) -> Mapping[str, str]:
        """The units of numbers in the method's answer, by path in a row, as far as they are known.

        For a method that has been called: nothing is raised then.
        """

    def watch(
        self, name: str, request: Arguments, *, view: Mapping[str, str], every: float, until: str
    ) -> "AsyncIterator[Answer | CallError]":
        """The answers of a method as they change, looked for every so many seconds.

        It ends with the first answer whose rows all fit `until`, if that is not empty; without it,
        never. Failures that may pass are among the answers; others are raised as by `call`.
        """


PASSING = ("UNAVAILABLE", "RESOURCE_EXHAUSTED", "DEADLINE_EXCEEDED")
"""Codes of failures that may pass."""


async def polled(
    call: Callable[[], Awaitable[Answer]], every: float
) -> AsyncIterator[Answer | CallError]:
    """The answers and failures of a call that is repeated, with so many seconds in between."""
    import asyncio  # slow to import

    while True:
        try:
            result: Answer | CallError = await call()
        except CallError as error:
            result = error
        yield result
        await asyncio.sleep(every)


def ignored_fields(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The paths in a gateway's `X-Ignored-Fields` header."""
    return tuple(unquote(path) for path in headers.get(IGNORED_FIELDS, "").split(", ") if path)
