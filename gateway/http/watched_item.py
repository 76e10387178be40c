"""Items of a batch that are event streams, and the one stream that they share."""

import asyncio
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Protocol

import orjson
from starlette.types import Message, Send

from gateway.access.fair_quota import FairQuota
from gateway.http.context import RequestContext
from gateway.http.item_connection import ItemConnection, Outcome, reported
from gateway.http.slow_reader import write_pieces
from gateway.http.watch import COMMENT, HEADERS, RETRY

END = b"\n\n"
"""Of an event. The JSON in it has no line breaks."""
DATA = b"\ndata: "


class EventWriter:
    """The stream that the client reads: one event at a time, whichever item it is of."""

    def __init__(self, context: RequestContext, send: Send, timeout: float) -> None:
        """`timeout` is in seconds, for the client to read on."""
        self._context = context
        self._send = send
        self._timeout = timeout
        self._turn = asyncio.Lock()

    async def write(self, pieces: Iterable[bytes]) -> None:
        """Raises ClientGone for a client that reads too slowly."""
        async with self._turn:
            await write_pieces(self._context, self._send, self._timeout, pieces)


class Stream(Protocol):
    """The batch's, as its items see it."""

    async def write(self, pieces: Iterable[bytes]) -> None:
        """Raises ClientGone."""

    def look(self) -> None:
        """An item has begun."""

    def cut_off(self) -> None:
        """End it at once."""


class WatchedItem(ItemConnection):
    """Passes the events of an item on, with its id. Other answers stay in memory."""

    _is_stream: bool = False
    _about: bytes = b""
    """What the next event says of its item."""

    def __init__(
        self,
        id_: str | int,
        body: bytes,
        principal: str,
        long_answers: FairQuota,
        stream: Stream,
    ) -> None:
        super().__init__(body, principal, long_answers)
        self._id = id_
        self._stream = stream
        self._event: list[bytes] = []

    def outcome(self) -> Outcome | None:
        return None if self._is_stream and self._is_complete else super().outcome()

    async def send(self, message: Message) -> None:
        """Raises GatewayError as `answer` does, and ClientGone."""
        if message["type"] == "http.response.start":
            await super().send(message)
            self._is_stream = HEADERS[0] in self._headers
            shown = reported(self._headers)
            self._about = about(self._id, {"headers": shown} if shown else {})
            self._stream.look()
            return
        if not self._is_stream:
            await super().send(message)
            return
        self._is_complete = not message.get("more_body", False)
        piece = message.get("body", b"")
        if piece == COMMENT:
            await self._stream.write((COMMENT,))
        elif piece and piece != RETRY:
            self._event.append(piece)
            if piece.endswith(END):
                event, self._event = self._event, []
                await self._stream.write(self._labelled(event))

    def abort(self) -> None:
        self._stream.cut_off()

    def _labelled(self, event: list[bytes]) -> Iterable[bytes]:
        """The event with `{"id": …, "data": …}` for its data, and without its own id."""
        event[-1] = event[-1].removesuffix(END)
        head, _, first = event[0].partition(DATA)
        kind = head.rpartition(b"\n")[2]
        yield b'%s%s%s,"data":%s' % (kind, DATA, self._about, first)
        self._about = about(self._id)
        yield from event[1:]
        yield b"}" + END


def about(id_: str | int, more: Mapping[str, object] = MappingProxyType({})) -> bytes:
    """The beginning of a JSON object."""
    return orjson.dumps({"id": id_, **more})[:-1]
