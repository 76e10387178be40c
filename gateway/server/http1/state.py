"""The states of a connection, its timeout, and what the connections of a server share."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar, cast

from uvicorn.server import ServerState

from gateway.core.direct_connection import Refused
from gateway.server.http1.request_cycle import RequestCycle
from gateway.server.http1.sharing import ParsingTurns, UnfinishedMemory


class State(Enum):
    """Decides the timeout of a connection (`HttpProtocol`)."""

    OPENING = "opening", False
    """Before the connection is made; in TLS, until the end of the handshake."""
    READING_HEAD = "reading head", False
    """Waiting for the first head, or for the rest of one."""
    IDLE = "idle", False
    """Waiting for the first byte of the next request."""
    ANSWERING = "answering", False
    """Serving requests. No timeout here."""
    LINGERING = "lingering", True
    CLOSING = "closing", True
    """The transport is closing and sends pending data."""
    CLOSED = "closed", True

    def __init__(self, _: str, is_over: bool) -> None:
        self.is_over = is_over


# Module constants, since `State.IDLE` is slow before Python 3.12.
OPENING, READING_HEAD, IDLE, ANSWERING, LINGERING, CLOSING, CLOSED = State


class Timeout:
    """Calls `expired` at the deadline, which may be moved. A timer per request would cost more.

    `deadline`: by the loop's clock; infinity while there is none.
    """

    __slots__ = ("_expired", "_loop", "_seconds", "_timer", "deadline")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, seconds: float, expired: Callable[[], None]
    ) -> None:
        self._loop = loop
        self._seconds = seconds
        self._expired = expired
        self.deadline = loop.time() + seconds
        self._timer = loop.call_at(self.deadline, self._check)

    def elapsed(self) -> float:
        return max(self._loop.time() - self.deadline + self._seconds, 0.0)

    def replace(self, expired: Callable[[], None], seconds: float) -> None:
        """Another callback, after another time."""
        self.cancel()
        self._expired = expired
        self.deadline = self._loop.time() + seconds
        self._timer = self._loop.call_at(self.deadline, self._check)

    def cancel(self) -> None:
        """Stop for good, and release the callback."""
        self._timer.cancel()
        self._expired = lambda: None

    def _check(self) -> None:
        now = self._loop.time()
        if now >= self.deadline:
            self._expired()
        else:
            self._timer = self._loop.call_at(min(self.deadline, now + self._seconds), self._check)


Connection = TypeVar("Connection")


@dataclass(slots=True, kw_only=True)
class ServerContext(Generic[Connection]):
    serve: Callable[[RequestCycle, Connection], Coroutine[Any, Any, None]]
    """Serves a request, as its task. Must not raise.

    It begins when the request is next in line and everything received with its head has been
    parsed: a body that came with the head is complete (`request.complete`). The next request
    follows when this one is answered. `request.disconnect` ends it. The last thing it does is to
    take its task out of `state.tasks`: a done callback would take a turn of the loop.
    """
    timeout: float
    """Seconds for a head to arrive, between requests, and for answers to be read."""
    state: ServerState
    """uvicorn's: the connections, the tasks of requests, and the headers of every answer (the
    date).
    """
    report: Callable[[Refused], object] = lambda refused: None
    trusted: Callable[[str], bool] = lambda address: False
    turns: ParsingTurns = field(default_factory=ParsingTurns)
    unfinished: UnfinishedMemory = field(default_factory=UnfinishedMemory)
    is_ending: bool = False
    connections: set[Connection] = field(init=False)

    def __post_init__(self) -> None:
        self.connections = cast(set[Connection], self.state.connections)
