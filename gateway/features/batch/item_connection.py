"""The connections of a batch's items: in memory, or into the one event stream of the batch."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import orjson
from starlette.types import Message, Send

from gateway.core.direct_connection import LARGE_BODY_BYTES, Headers
from gateway.core.errors import Code, GatewayError, unavailable
from gateway.core.fair_quota import FairQuota
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.error_answer import error_answer
from gateway.core.pipeline.event_stream import COMMENT, RETRY, STREAM_HEADERS
from gateway.core.pipeline.slow_reader import write_pieces

MAX_ANSWER_BYTES = 8 * 2**20
"""Of one item."""
END = b"\n\n"
"""Of an event. The JSON in it has no line breaks."""
DATA = b"\ndata: "


class Outcome(NamedTuple):
    status: int
    headers: Headers
    body: bytes


class ItemConnection:
    """A `DirectConnection` whose answer stays in memory."""

    fields: Mapping[bytes, bytes]
    refusal: GatewayError | None = None
    task: asyncio.Task[None] | None = None
    disconnected: bool = False
    complete: bool = True
    is_behind: bool = False
    on_disconnect: Callable[[], object] | None = None
    charged: int = 0
    """Bytes of the answer in the quota of long ones."""
    _size: int = 0
    _status: int = 0
    _headers: Headers = ()
    _is_complete: bool = False
    _failure: GatewayError | None = None

    def __init__(self, body: bytes, principal: str, long_answers: FairQuota) -> None:
        self._body = body
        self._principal = principal
        self._long_answers = long_answers
        self._parts: list[bytes] = []

    @property
    def has_begun(self) -> bool:
        return self._status != 0

    def outcome(self) -> Outcome | None:
        """What is told of it at its end, if anything is left to tell."""
        if self._is_complete:
            return Outcome(self._status, self._headers, b"".join(self._parts))
        failed = GatewayError(Code.INTERNAL, "its answer was cut short; the gateway's log has why")
        return outcome_of(self._failure or failed)

    def take_body(self) -> bytes:
        body, self._body = self._body, b""
        return body

    def answer(self, status: int, headers: Headers, body: bytes) -> bool:
        """Raises GatewayError for an answer that is too long."""
        if self._status:
            return False
        self._keep(body)
        self._status, self._headers, self._is_complete = status, headers, True
        return True

    async def receive(self) -> Message:
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Raises GatewayError as `answer` does."""
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], message["headers"]
            return
        self._keep(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)

    def abort(self) -> None:
        """There is nothing to drop."""

    def _keep(self, part: bytes) -> None:
        size = self._size + len(part)
        if size > MAX_ANSWER_BYTES:
            most = f"{MAX_ANSWER_BYTES // 2**20} MB, the most in a batch"
            problem = f"it was called, and its answer is larger than {most}; ask for it alone"
            self._failure = GatewayError(Code.RESOURCE_EXHAUSTED, problem, status=502)
        elif size > LARGE_BODY_BYTES:
            if self._long_answers.take(self._principal, size - self.charged):
                self.charged = size
            else:
                problem = "it was called, and too many long answers wait to be sent"
                self._failure = unavailable(problem, "answer_memory")
        if self._failure is not None:
            self._parts.clear()
            raise self._failure.again()
        self._size = size
        self._parts.append(part)


class EventStream:
    """The stream that a client reads of a batch: one event at a time, whichever item it is of."""

    def __init__(
        self, context: RequestContext, send: Send, timeout: float, news: asyncio.Event
    ) -> None:
        """`timeout` is in seconds, for the client to read on; `news` of items wake the batch."""
        self.news = news
        self.is_cut_off = False
        """Whether the client does not read."""
        self._context = context
        self._send = send
        self._timeout = timeout
        self._turn = asyncio.Lock()

    async def write(self, pieces: Iterable[bytes]) -> None:
        async with self._turn:
            await write_pieces(self._context, self._send, self._timeout, pieces)

    def cut_off(self) -> None:
        self.is_cut_off = True
        self.news.set()


class WatchedItem(ItemConnection):
    """Passes the events of an item on, with its id. Other answers stay in memory."""

    _is_stream: bool = False
    _about: bytes = b""

    def __init__(
        self,
        id_: str | int,
        body: bytes,
        principal: str,
        long_answers: FairQuota,
        stream: EventStream,
        shown: Mapping[bytes, str],
    ) -> None:
        """`shown`: headers of its answer, by lower-case name."""
        super().__init__(body, principal, long_answers)
        self._id = id_
        self._stream = stream
        self._shown = shown
        self._event: list[bytes] = []

    def outcome(self) -> Outcome | None:
        return None if self._is_stream and self._is_complete else super().outcome()

    async def send(self, message: Message) -> None:
        """Raises GatewayError as `answer` does, and ClientGone."""
        if message["type"] == "http.response.start":
            await super().send(message)
            self._is_stream = STREAM_HEADERS[0] in self._headers
            shown = those_shown(self._shown, self._headers)
            self._about = about(self._id, {"headers": shown} if shown else {})
            self._stream.news.set()
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


def outcome_of(error: GatewayError) -> Outcome:
    headers, body = error_answer(error)
    return Outcome(error.status, headers, body)


def those_shown(shown: Mapping[bytes, str], headers: Headers) -> dict[str, str]:
    return {shown[name]: value.decode() for name, value in headers if name in shown}


def about(id_: str | int, more: Mapping[str, object] = MappingProxyType({})) -> bytes:
    """The beginning of a JSON object."""
    return orjson.dumps({"id": id_, **more})[:-1]
