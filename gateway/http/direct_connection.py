"""What this gateway's own server lends a request, beside ASGI's `receive` and `send`.

It is one object in the scope. Under any other ASGI server there is none, and everything works
through ASGI's messages alone.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from starlette.types import Scope

from gateway.errors import GatewayError

EXTENSION = "cuebot_gateway"
"""The object's name among the scope's extensions."""

Headers = Iterable[tuple[bytes, bytes]]


class DirectConnection(Protocol):
    """One request's short way to its connection."""

    @property
    def fields(self) -> Mapping[bytes, bytes]:
        """The request's headers by lower-case name (`headers_of`)."""

    refusal: GatewayError | None
    """What the server has answered by itself, since the body turned out not to be HTTP. The app
    is told that the client has disconnected."""

    task: "asyncio.Task[None] | None"
    """The one in which the app answers: asking asyncio for it is slow before Python 3.12."""

    disconnected: bool
    """Whether there is nobody to answer any more."""

    @property
    def is_behind(self) -> bool:
        """Whether the client reads more slowly than the answer is written."""

    on_disconnect: Callable[[], object] | None
    """Called once when the client disconnects before it has its answer. To be set by the app."""

    def take_body(self) -> bytes | None:
        """The whole body if all of it is here; None, and nothing is done, when it is not.

        `receive` is for bodies that are still arriving: whoever has taken the body here gets
        nothing but a disconnect there.
        """

    def answer(self, status: int, headers: Headers, body: bytes) -> bool:
        """Send a whole answer in one write.

        False, and nothing is done, when it has to go through `send`: an answer has begun, the
        client reads too slowly or is gone, it is a HEAD, or the server is stopping. Raises OSError
        or RuntimeError as a transport does, if the body is large.
        """

    def abort(self) -> None:
        """Drop the connection at once."""


def direct_connection(scope: Scope) -> DirectConnection | None:
    """The object of this request, if our own server serves it."""
    extensions = scope.get("extensions")
    found: DirectConnection | None = extensions.get(EXTENSION) if extensions else None
    return found
