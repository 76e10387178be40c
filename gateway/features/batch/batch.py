"""`POST /batch`: many calls in one request.

Each item is a request of its own, which goes the way of all requests: ContextMiddleware, the
handler of methods and the interceptors. Only its connection is in memory.

With `Accept: text/event-stream`, the items are watched: their event streams are one.
"""

import asyncio
import re
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from time import monotonic
from typing import Literal, NamedTuple
from urllib.parse import parse_qsl
from weakref import WeakValueDictionary

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.core.calls.plan import holds_the_loop
from gateway.core.direct_connection import LARGE_BODY_BYTES
from gateway.core.errors import Code, GatewayError, stopping, unavailable
from gateway.core.fair_quota import FairQuota, Weight
from gateway.core.long_work import let_others_run
from gateway.core.offload.planner import Planner
from gateway.core.pipeline.body import BodyReader
from gateway.core.pipeline.context import (
    JSON_TYPE,
    VIA_HEADER,
    CallState,
    ClientGone,
    Request,
    RequestContext,
    context_of,
)
from gateway.core.pipeline.disconnect import CancelOnDisconnect
from gateway.core.pipeline.event_stream import EVENT_STREAM, RETRY, STREAM_HEADERS
from gateway.core.pipeline.exchange import Inherited
from gateway.core.pipeline.handler import UnaryHandler
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.pipeline.middleware import ContextMiddleware
from gateway.core.pipeline.options import offers
from gateway.core.pipeline.request_headers import check_headers
from gateway.core.pipeline.routing import CHANGE_ALLOWS
from gateway.core.pipeline.slow_reader import SlowReader
from gateway.core.pipeline.waiting import Waiting
from gateway.core.readiness import Readiness
from gateway.core.settings.model import Settings
from gateway.core.suggestions import QUOTED_CHARS, did_you_mean
from gateway.features.batch.item_connection import (
    EventStream,
    ItemConnection,
    Outcome,
    WatchedItem,
    outcome_of,
    those_shown,
)
from gateway.features.batch.items import NOT_ONE_ITEM, Item, items_of
from gateway.features.batch.queue import BatchQueue

PATH = "/batch"
ITEMS_AT_ONCE = 16
"""Of one batch."""
WATCHED_ITEMS = 64
"""Of one batch: each is a stream among those of its principal (WatchLimits)."""
BATCHES_AT_ONCE = 64
"""Of a single principal."""
MAX_LONG_ANSWERS_BYTES = 64 * 2**20
"""Answers of more than LARGE_BODY_BYTES that a single principal's batches may keep."""
MAX_WAITING_BYTES = 2**20
"""With more bytes of answers that wait to be sent, no item begins."""
PIECE_BYTES = 64 * 1024
"""Sent at once: a client has `http_timeout` for each."""
STOP_ON_ERROR = "stopOnError"
BOOLEANS = {"true": True, "false": False}
Format = Literal["json", "ndjson"]
LINES_TYPE = (b"content-type", b"application/x-ndjson")
FORMATS: Mapping[str, Format] = {
    "application/json": "json",
    "application/x-ndjson": "ndjson",
    "application/ndjson": "ndjson",
    EVENT_STREAM: "json",
}
"""Of batches and their answers, by media type."""
FIRST_BYTE = re.compile(rb"(?:\xef\xbb\xbf)?\s*+(\S)")
PASSED_ON = (b"authorization", b"grpc-timeout", VIA_HEADER)
"""Headers of a batch that each of its items has, beside those of ways to ask for a call."""


class Head(NamedTuple):
    sent: Format | None
    """The format of the items; None: as the first byte says."""
    wanted: Format | None
    """The format of the answers; None: that of the items."""
    stops_on_error: bool
    watches: bool
    inherited: Sequence[Inherited]


class Finished(NamedTuple):
    text: bytes
    charged: int
    """Bytes that it has of `Batches.long_answers`."""


class Batches:
    allows = CHANGE_ALLOWS

    def __init__(
        self,
        methods: UnaryHandler,
        interceptors: Interceptors,
        bodies: BodyReader,
        planner: Planner,
        readiness: Readiness,
        *,
        settings: Settings,
        weight: Weight,
        shown: Mapping[bytes, str],
    ) -> None:
        """`shown`: headers of an item's answer that are told of it, by lower-case name."""
        self.shown = shown
        self.items = ContextMiddleware(until_gone(methods), interceptors=interceptors)
        self.items_at_once = max(1, min(ITEMS_AT_ONCE, settings.max_in_flight // 4))
        """The principal's other requests need places, too."""
        self.long_answers = FairQuota(MAX_LONG_ANSWERS_BYTES, weight)
        self.http_timeout = settings.http_timeout
        """To take a large body apart, and for the client to read a piece, in seconds."""
        self._exchanges = methods.exchanges
        self.readiness = readiness
        self._interceptors = interceptors
        self._bodies = bodies
        self._planner = planner
        self._batches = FairQuota(BATCHES_AT_ONCE, weight)
        self._for_tokens = WeakValueDictionary[str, asyncio.Lock]()
        """By principal, as long as it has batches."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises ClientGone, and, before the first item, GatewayError."""
        context = context_of(scope)
        if context.request.method != "POST":
            problem = f"{context.request.method} is not for {PATH}; use POST"
            allow = {"Allow": CHANGE_ALLOWS}
            raise GatewayError(Code.UNIMPLEMENTED, problem, status=405, headers=allow)
        queue = BatchQueue(lambda: self.readiness.stopping)
        context.waiting = context.waiting._replace(patience=queue)
        queue.has_token = True  # without a place, a batch does not wait for one
        await self._admit(context)
        principal = context.principal
        if not self._batches.take(principal):
            raise unavailable("too many batches are being answered", "places")
        with ExitStack() as place:
            place.callback(self._batches.give_back, principal)
            queue.for_tokens = self._for_tokens.setdefault(principal, queue.for_tokens)
            # Without a direct connection, reading the body is what notices that the client is gone.
            with nullcontext() if context.direct is None else CancelOnDisconnect(context, receive):
                await self._admit(context)
            queue.has_token = True
            if self.readiness.stopping:
                raise stopping()
            head = self._read_head(context)
            body = self._bodies.take(context)
            if body is None:
                body = await self._bodies.read(context, receive)
            items, format_ = await self._read_items(context, head, body, receive)
            del body
            run: Run
            if head.watches:
                run = WatchedRun(self, context, items, head.inherited, send, place)
            else:
                in_order, stops = format_ == "json", head.stops_on_error
                run = Answers(
                    self, context, items, head.inherited, send, in_order=in_order, stops=stops
                )
            del items  # the run frees each as it takes its turn
            await self._run(context, run, receive)

    async def _admit(self, context: RequestContext) -> None:
        """Identify the caller, and wait for a token unless the queue has one."""
        waiting = self._interceptors.admit(context)
        if waiting is not None:
            await waiting

    def _read_head(self, context: RequestContext) -> Head:
        headers = context.request.headers
        exchanges = self._exchanges
        inherited = [found for each in exchanges if (found := each.inherited(context)) is not None]
        media = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        sent: Format | None = "ndjson" if FORMATS.get(media.decode("latin-1")) == "ndjson" else None
        of_json = {k: v for k, v in headers.items() if sent is None or k != b"content-type"}
        check_headers(of_json, self._bodies.max_body, None, self._bodies.codings)
        accept = headers.get(b"accept", b"")
        stops = stops_on_error(context.request.query)
        watches = any(each.streams(accept) for each in exchanges)
        if stops and watches:
            problem = f"?{STOP_ON_ERROR}: the items of an event stream do not wait for one another"
            raise GatewayError(Code.INVALID_ARGUMENT, problem)
        return Head(sent, wanted_format(accept), stops, watches, inherited)

    async def _read_items(
        self, context: RequestContext, head: Head, body: bytes, receive: Receive
    ) -> tuple[list[Item], Format]:
        """The items, and the format of their answers."""
        first = FIRST_BYTE.match(body, 0, LARGE_BODY_BYTES)
        if head.sent is None and first is None:
            raise GatewayError(Code.INVALID_ARGUMENT, f"the body is empty; {NOT_ONE_ITEM}")
        is_lines = head.sent == "ndjson" or (first is not None and first[1] != b"[")
        if holds_the_loop(body):
            with CancelOnDisconnect(context, receive):
                principal, timeout = context.principal, self.http_timeout
                take_apart = partial(items_of, body, is_lines=is_lines)
                items = await self._planner.run(principal, timeout, take_apart)
        else:
            items = items_of(body, is_lines=is_lines)
        if head.watches and len(items) > WATCHED_ITEMS:
            problem = f"more than {WATCHED_ITEMS} items to watch in one event stream"
            raise GatewayError(Code.INVALID_ARGUMENT, problem)
        if head.watches or any(each.differs for each in head.inherited):
            check_ids(items)
        return items, head.wanted or ("ndjson" if is_lines else "json")

    async def _run(self, context: RequestContext, run: "Run", receive: Receive) -> None:
        began = monotonic()
        try:
            with CancelOnDisconnect(context, receive):
                await run.answer()
        except ClientGone:
            run.client_is_gone = True
            raise
        finally:
            await run.end()
            context.note_wait(monotonic() - began, as_asked=True)  # each item is measured by itself


class Run:
    """The items of a batch: those that are left, that run, and that have finished."""

    accept: bytes = JSON_TYPE[1]
    """Of each item: without it, one with `_until` would be an event stream."""
    option: int | None = orjson.OPT_APPEND_NEWLINE
    """Of the JSON of an item's answer."""

    def __init__(
        self,
        batch: Batches,
        context: RequestContext,
        items: Collection[Item],
        inherited: Sequence[Inherited],
    ) -> None:
        self.client_is_gone = False
        self._batch = batch
        self._context = context
        self._inherited = inherited
        self._left = deque(enumerate(items))
        self._running: dict[asyncio.Task[None], tuple[ItemConnection, CallState]] = {}
        self._finished: dict[int, Finished] = {}
        """By index, in the order in which they have finished."""
        self._waiting_bytes = 0
        self._failed: str | int | None = None
        """The id of the item after which no other begins."""
        self._news = asyncio.Event()

    async def answer(self) -> None:
        """Raises ClientGone."""
        raise NotImplementedError

    async def end(self) -> None:
        """End what is under way, and give back what it holds. Without a client, calls with an
        Idempotency-Key go on to their ends.
        """
        for task, (connection, call) in self._running.items():
            connection.disconnected = self.client_is_gone
            if not (self.client_is_gone and call.outlives_client):
                task.cancel()
        try:
            while self._running:
                await asyncio.wait([*self._running])
        except asyncio.CancelledError:  # the gateway stops
            for task in self._running:
                task.cancel()
            raise
        finally:
            self._release(self._finished.values())

    def _begin(self, index: int, item: Item) -> None:
        try:
            self._check(item)
        except GatewayError as error:
            self._finish(index, item.id, outcome_of(error))
            return
        connection = self._connect(item)
        context = self._context_of(index, item, connection)
        asking = self._ask(index, item.id, context, connection)
        connection.task = asyncio.get_running_loop().create_task(asking)
        self._running[connection.task] = connection, context.call

    def _connect(self, item: Item) -> ItemConnection:
        return ItemConnection(item.request, self._context.principal, self._batch.long_answers)

    def _check(self, item: Item) -> None:
        if self._failed is not None:
            problem = f"not called: {STOP_ON_ERROR}, and item {self._failed!r} has failed"
            raise GatewayError(Code.CANCELLED, problem)
        if self._batch.readiness.stopping:
            raise stopping()
        item.check()
        if item.path == PATH:
            raise GatewayError(Code.INVALID_ARGUMENT, "a batch does not nest")

    def _context_of(self, index: int, item: Item, connection: "ItemConnection") -> RequestContext:
        request = self._context.request
        headers = {name: request.headers[name] for name in PASSED_ON if name in request.headers}
        headers[b"content-length"] = b"%d" % len(item.request)
        headers[b"accept"] = self.accept
        for each in self._inherited:
            headers[each.name] = each.value(str(item.id))
        connection.fields = headers
        own = Request(
            f"{request.id}/{index}",
            request.client,
            "POST",
            item.path,
            headers,
            monotonic(),
            item.query,
            request.http_version,
            made_for=(self._context,),
        )
        context = RequestContext(own, [], connection)
        context.waiting = Waiting(patience=self._context.waiting.patience)
        return context

    async def _ask(
        self, index: int, id_: str | int, context: RequestContext, connection: "ItemConnection"
    ) -> None:
        scope = {"type": "http", "context": context}
        try:
            await self._batch.items(scope, connection.receive, connection.send)
        finally:
            assert connection.task is not None
            del self._running[connection.task]
            outcome = connection.outcome()
            if outcome is not None:
                self._finish(index, id_, outcome, connection.charged)
            self._news.set()

    def _finish(self, index: int, id_: str | int, outcome: Outcome, charged: int = 0) -> None:
        status, headers, body = outcome
        is_error = status >= 400
        about: dict[str, object] = {"id": id_, "status": status}
        about["error" if is_error else "answer"] = orjson.Fragment(body)
        if shown := those_shown(self._batch.shown, headers):
            about["headers"] = shown
        text = orjson.dumps(about, option=self.option)
        self._finished[index] = Finished(text, charged)
        self._waiting_bytes += len(text)
        if is_error:
            self._fail(id_)
        self._news.set()

    def _fail(self, id_: str | int) -> None:
        """An item has failed."""

    def _take_finished(self) -> list[Finished]:
        """What can be sent now."""
        found = [*self._finished.values()]
        self._finished.clear()
        return found

    def _release(self, sent: Iterable[Finished]) -> None:
        for text, charged in sent:
            self._waiting_bytes -= len(text)
            if charged:
                self._batch.long_answers.give_back(self._context.principal, charged)


class Answers(Run):
    """Items begin in their order. Answers are sent as they come, or `in_order`."""

    def __init__(
        self,
        batch: Batches,
        context: RequestContext,
        items: Collection[Item],
        inherited: Sequence[Inherited],
        send: Send,
        *,
        in_order: bool,
        stops: bool,
    ) -> None:
        """With `stops`, items run one after the other, and none after an error."""
        super().__init__(batch, context, items, inherited)
        self._send = send
        self._in_order = in_order
        if in_order:
            self.option = None
        self._stops = stops
        self._at_once = 1 if stops else batch.items_at_once
        self._next = 0
        """The index that is sent next, in order."""

    async def answer(self) -> None:
        self._context.response.code = Code.OK
        reader = SlowReader(self._context, self._send, self._batch.http_timeout, None)
        headers = (JSON_TYPE if self._in_order else LINES_TYPE,)
        await reader.send({"type": "http.response.start", "status": 200, "headers": headers})
        lead, between, end = (b"[", b",", b"]") if self._in_order else (b"", b"", b"")
        while self._left or self._running or self._finished:
            self._news.clear()
            while self._left and self._may_begin():
                await reader.excuse(let_others_run())
                self._begin(*self._left.popleft())
            if found := self._take_finished():
                text = lead + between.join(each.text for each in found)
                lead = between
                try:
                    for at in range(0, len(text), PIECE_BYTES):
                        part = text[at : at + PIECE_BYTES]
                        message = {"type": "http.response.body", "body": part, "more_body": True}
                        await reader.send(message, len(part))
                        await reader.catch_up()
                finally:
                    self._release(found)
            elif self._running:
                await reader.excuse(self._news.wait())
        tail = end if lead == between else lead + end
        await reader.send({"type": "http.response.body", "body": tail})

    def _may_begin(self) -> bool:
        return len(self._running) < self._at_once and self._waiting_bytes < MAX_WAITING_BYTES

    def _fail(self, id_: str | int) -> None:
        if self._stops and self._failed is None:
            self._failed = id_

    def _take_finished(self) -> list[Finished]:
        if not self._in_order:
            return super()._take_finished()
        found = []
        while self._next in self._finished:
            found.append(self._finished.pop(self._next))
            self._next += 1
        return found


class WatchedRun(Run):
    """Items that are event streams, in one: each event has its item's id.

    All begin, as soon as there are tokens for them. The batch holds its place and the room for its
    body until they have.
    """

    accept = EVENT_STREAM.encode()

    def __init__(
        self,
        batch: Batches,
        context: RequestContext,
        items: Collection[Item],
        inherited: Sequence[Inherited],
        send: Send,
        place: ExitStack,
    ) -> None:
        super().__init__(batch, context, items, inherited)
        self._send = send
        self._place = place
        self._events = EventStream(context, send, batch.http_timeout, self._news)

    async def answer(self) -> None:
        self._context.response.code = Code.OK
        await self._send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
        await self._events.write((RETRY,))
        while self._left or self._running or self._finished:
            self._news.clear()
            while self._left:
                await let_others_run()
                self._begin(*self._left.popleft())
            found = self._take_finished()
            try:
                for each in found:
                    await self._events.write((b"event: answer\ndata: ", each.text, b"\n"))
            finally:
                self._release(found)
            if all(connection.has_begun for connection, _ in self._running.values()):
                self._place.close()
                self._context.give_back_body_room()
            if self._running and not self._finished:
                await self._news.wait()
            if self._events.is_cut_off:
                raise ClientGone
        await self._send({"type": "http.response.body", "body": b""})

    def _connect(self, item: Item) -> ItemConnection:
        batch, principal = self._batch, self._context.principal
        return WatchedItem(
            item.id, item.request, principal, batch.long_answers, self._events, batch.shown
        )


def until_gone(methods: ASGIApp) -> ASGIApp:
    """The handler of methods, for items: cancelled without a client, it ends in ClientGone."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await methods(scope, receive, send)
        except asyncio.CancelledError:
            connection = context_of(scope).direct
            if connection is not None and connection.disconnected:
                raise ClientGone from None
            raise

    return app


def wanted_format(accept: bytes) -> Format | None:
    best, found = 0.0, None
    for media, weight in offers(accept):
        if media in FORMATS and weight > best:
            best, found = weight, FORMATS[media]
    return found


def stops_on_error(query: bytes) -> bool:
    """Raises GatewayError (INVALID_ARGUMENT) for any other parameter or value."""
    stops = False
    for name, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
        if name != STOP_ON_ERROR:
            near = did_you_mean(name, (STOP_ON_ERROR,))
            problem = f"?{name[:QUOTED_CHARS]}: a batch has only ?{STOP_ON_ERROR}=true{near}"
            raise GatewayError(Code.INVALID_ARGUMENT, problem)
        if value not in BOOLEANS:
            raise GatewayError(Code.INVALID_ARGUMENT, f"?{name}: expected true or false")
        stops = BOOLEANS[value]
    return stops


def check_ids(items: Iterable[Item]) -> None:
    seen = set[str]()
    for each in items:
        if str(each.id) in seen:
            problem = (
                f"two items have the id {each.id!r}; in an event stream, and with an"
                " Idempotency-Key, each has its own"
            )
            raise GatewayError(Code.INVALID_ARGUMENT, problem)
        seen.add(str(each.id))
