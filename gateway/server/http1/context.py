"""What the connections of one server share."""

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
    """What they need of the server, and what the server knows of them."""

    serve: Callable[[RequestCycle, Connection], None]
    """Begins to serve a request. Called when the request is next in line, and when what has come
    with its head has been read as well: a whole body that came with it is complete
    (`request.complete`).

    It must not wait, nor raise, nor answer before it returns. The connection serves its next
    request once this one is answered. `request.disconnect` ends it.
    """
    timeout: float
    """Seconds for a head to come, between requests, and for answers to be read."""
    state: ServerState
    """uvicorn's: the connections, and the headers of every answer (the date)."""
    report: Callable[[Refused], object] = lambda refused: None
    """Told of requests that are refused here, and that the app never sees."""
    trusted: Callable[[str], bool] = lambda address: False
    """Which addresses stand for many: those of proxies."""
    heads: HeadMemory = field(default_factory=HeadMemory)
    turns: ParsingTurns = field(default_factory=ParsingTurns)
    unfinished: UnfinishedMemory = field(default_factory=UnfinishedMemory)
    is_ending: bool = False
    """Whether the answers from now on are the last ones on their connections."""
    connections: set[Connection] = field(init=False)

    def __post_init__(self) -> None:
        self.connections = cast(set[Connection], self.state.connections)
