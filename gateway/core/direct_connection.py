"""The gateway's own server's extension to ASGI's `receive` and `send`: one object in the scope.

Other ASGI servers have no such object, and ASGI messages alone are enough. Requests that the server
refuses by itself (`Refused`) are reported to the app in another way.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from gateway.core.errors import GatewayError

EXTENSION = "cuebot_gateway"
"""The name of a `DirectConnection` in a scope's `extensions`."""

Headers = Iterable[tuple[bytes, bytes]]


class DirectConnection(Protocol):
    @property
    def fields(self) -> Mapping[bytes, bytes]:
        """The request's headers by lower-case name (`headers_of`)."""

    refusal: GatewayError | None
    """The server's own answer to a body that is not valid HTTP. The app sees a disconnect."""

    task: "asyncio.Task[None] | None"
    """The app's task: asyncio.current_task() is slow before Python 3.12."""

    disconnected: bool

    @property
    def complete(self) -> bool:
        """Whether the whole body has arrived, taken or not."""

    @property
    def is_behind(self) -> bool:
        """Whether the client reads more slowly than the answer is written."""

    on_disconnect: Callable[[], object] | None
    """Called once if the client disconnects before the end of its answer. Set by the app."""

    def take_body(self) -> bytes | None:
        """The whole body if it has arrived; otherwise None, without a side effect.

        `receive` is for bodies that are still arriving. After the body was taken here, it returns
        only a disconnect.
        """

    def answer(self, status: int, headers: Headers, body: bytes) -> bool:
        """Send a whole answer in one write.

        False, without a side effect, if `send` is needed: an answer has begun, the client reads
        too slowly or is gone, the request is a HEAD, or the server is stopping. With a large body,
        raises the transport's OSError or RuntimeError.
        """

    def abort(self) -> None:
        """Drop the connection at once."""


LARGE_BODY_BYTES = 64 * 1024
"""Larger bodies share a quota of memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A request that the server refused before the app saw it."""

    peer: str
    method: str
    """Empty if it did not arrive, like the target and the headers."""
    target: bytes
    headers: Iterable[tuple[bytes, bytes]]
    error: GatewayError
    seconds: float


ONCE: set[bytes] = set()
"""Headers that are no lists, in lower case: those that features name (`HeaderNames.once`)."""
TWICE = b"\n"
"""Between the values of one of these that comes more than once: in no value of one."""


def headers_of(fields: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Repeated headers are joined with commas (RFC 9110 section 5.3), those that are no lists with
    TWICE: two values and a comma may look like one.
    """
    fields = list(fields)
    headers = dict(fields)
    if len(headers) < len(fields):
        for name in headers:
            between = TWICE if name in ONCE else b", "
            headers[name] = between.join(value for other, value in fields if other == name)
    return headers
