"""State shared by the connections of one server."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from uvicorn.server import ServerState

from gateway.http.wire_request import Refused
from gateway.server.http1.head_cache import HeadMemory
from gateway.server.http1.parsing_turns import ParsingTurns
from gateway.server.http1.request_cycle import RequestCycle
from gateway.server.http1.unfinished_requests import UnfinishedMemory

Connection = TypeVar("Connection")


@dataclass(slots=True, kw_only=True)
class ServerContext(Generic[Connection]):
    serve: Callable[[RequestCycle, Connection], None]
    """Starts serving a request, when it is next in line and everything received with its head has
    been parsed: a body that came with the head is complete (`request.complete`).

    Must not wait, raise, or answer before it returns. The next request follows when this one is
    answered. `request.disconnect` ends it.
    """
    timeout: float
    """Seconds for a head to arrive, between requests, and for answers to be read."""
    state: ServerState
    """uvicorn's: the connections, and the headers of every answer (the date)."""
    report: Callable[[Refused], object] = lambda refused: None
    trusted: Callable[[str], bool] = lambda address: False
    heads: HeadMemory = field(default_factory=HeadMemory)
    turns: ParsingTurns = field(default_factory=ParsingTurns)
    unfinished: UnfinishedMemory = field(default_factory=UnfinishedMemory)
    is_ending: bool = False
    connections: set[Connection] = field(init=False)

    def __post_init__(self) -> None:
        self.connections = cast(set[Connection], self.state.connections)
