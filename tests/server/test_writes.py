"""When answers are written: those of one turn of the loop together, and before any end."""

import asyncio
import gc
import socket
import weakref
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from gateway.core.direct_connection import EXTENSION
from gateway.core.errors import Code, GatewayError
from gateway.core.long_work import let_others_run
from gateway.core.write_buffer import MAX_UNWRITTEN_BYTES, send_unsent
from gateway.server.http1.asgi import asgi_service
from gateway.server.http1.parser import PARSED_AT_ONCE_BYTES, SLICE_BYTES
from gateway.server.http1.protocol import HttpProtocol
from gateway.server.http1.request_cycle import RequestCycle
from gateway.server.http1.sharing import ParsingTurns
from gateway.server.http1.state import ServerContext
from tests.support.patience import PATIENCE
from tests.support.transports import Counting
from tests.support.wire import Wire, assert_refused, wire_on

pytestmark = pytest.mark.anyio

Serve = Callable[[RequestCycle, HttpProtocol], Coroutine[Any, Any, None]]
"""See `ServerContext.serve`."""
POST = b"POST / HTTP/1.1\r\nHost: gateway\r\nContent-Length: 2\r\n\r\n{}"
UNUSUAL = POST.replace(b"Host: ", b"Host:\t")
"""Not read by lines."""


class Counted(HttpProtocol):
    """A connection whose writes are counted."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.counting = Counting(cast(asyncio.Transport, transport))
        super().connection_made(cast(asyncio.Transport, self.counting))

    @property
    def written(self) -> list[bytes]:
        return self.counting.written


@dataclass(frozen=True)
class Connected:
    """Both ends of a connection."""

    protocol: Counted
    client: Wire


@contextmanager
def reports() -> Iterator[list[object]]:
    """The exceptions that the event loop is told of."""
    told: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: told.append(context.get("exception")))
    try:
        yield told
    finally:
        loop.set_exception_handler(None)


@asynccontextmanager
async def connected(
    serve: Serve,
    sent: bytes = b"",
    *,
    timeout: float = PATIENCE,
    kind: type[Counted] = Counted,
    leave: Callable[[], None] = lambda: None,
    turns: ParsingTurns | None = None,
) -> AsyncIterator[Connected]:
    """A connection that is accepted after these bytes have come."""
    ours, theirs = socket.socketpair()
    theirs.sendall(sent)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    context = ServerContext(
        serve=serve,
        timeout=timeout,
        state=ServerState(),
        turns=turns or ParsingTurns(),
    )
    protocol = kind(context, leave)
    await asyncio.get_running_loop().connect_accepted_socket(lambda: protocol, ours)
    async with wire_on(sock=theirs) as one:
        try:
            yield Connected(protocol, one)
        finally:
            protocol.flushed().abort()


def served_by(app: ASGIApp) -> Serve:
    return asgi_service(app, {})


def reply(request: RequestCycle, body: bytes = b"ok") -> bool:
    return request.answer(200, [(b"content-length", b"%d" % len(body))], body)


def soon(answer: Callable[[RequestCycle], object] = reply) -> Serve:
    """Serves each request without an app."""

    async def serve(request: RequestCycle, connection: HttpProtocol) -> None:
        answer(request)

    return serve


class Held:
    """Serves requests by keeping them."""

    def __init__(self) -> None:
        self.requests: list[RequestCycle] = []
        self.has_come = asyncio.Event()

    async def __call__(self, request: RequestCycle, connection: HttpProtocol) -> None:
        self.requests.append(request)
        self.has_come.set()

    async def wait(self, count: int = 1) -> None:
        """Return when so many are here."""
        async with asyncio.timeout(PATIENCE):
            while len(self.requests) < count:
                await self.has_come.wait()
                self.has_come.clear()


async def test_answers_of_one_turn_are_written_right_after_each_other() -> None:
    held = Held()
    async with connected(held, POST) as first, connected(held, POST) as second:
        await held.wait(2)
        for request in held.requests:
            assert reply(request)
        assert not first.protocol.written
        assert not second.protocol.written
        for each in (first, second):
            assert ((await each.client.answer()).body, len(each.protocol.written)) == (b"ok", 1)


@pytest.mark.parametrize("sent", [POST, UNUSUAL], ids=["plain", "unusual"])
async def test_others_have_their_turn_between_two_requests_of_a_client(sent: bytes) -> None:
    """However many have come at once, however short their answers: one in a turn of the loop."""
    loop, served, many = asyncio.get_running_loop(), 0, 300

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal served
        served += 1
        direct = scope["extensions"][EXTENSION]
        assert direct is not None
        body = b"%d" % served
        assert direct.answer(200, [(b"content-length", b"%d" % len(body))], body)

    turns = [0]

    def others() -> None:
        turns.append(served - sum(turns))
        if served < many:
            loop.call_soon(others)

    others()
    async with connected(served_by(app), sent * many) as one:
        answers = [(await one.client.answer()).body for _ in range(many)]
    assert answers == [b"%d" % number for number in range(1, many + 1)]
    assert max(turns) == 1


BODY = b" " * (PARSED_AT_ONCE_BYTES * 3 // 2)
LARGE = UNUSUAL[:-2].replace(b": 2", b": %d" % len(BODY)) + BODY
"""A request that is parsed in two turns."""


def interrupted(act: Callable[[Counted], None]) -> type[Counted]:
    """A kind of connection to which something happens once between two turns of parsing."""

    class Interrupted(Counted):
        waited = False

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            if self._parser.can_go_on and not Interrupted.waited:
                Interrupted.waited = True
                act(self)

    return Interrupted


@pytest.mark.parametrize("meanwhile", ["_timed_out", "_close_if_idle"])
async def test_a_request_that_has_come_is_served_although_time_is_up(meanwhile: str) -> None:
    """What has come is parsed in two turns, and between them it may be too late, or a stop."""
    held = Held()
    kind = interrupted(lambda connection: getattr(connection, meanwhile)())
    async with connected(held, LARGE, kind=kind) as one:
        await held.wait()
        assert held.requests[0].complete
        assert reply(held.requests[0])
        assert (await one.client.answer()).status == 200


@pytest.mark.parametrize("end", ["cut off", "aborted"])
async def test_nothing_is_served_once_a_connection_is_closing(end: str) -> None:
    held = Held()
    async with connected(held, POST * 3) as one:
        await held.wait()
        if end == "cut off":
            one.protocol.cut_off()
        else:
            one.protocol.flushed().abort()
        held.requests[0].fail(GatewayError(Code.UNAVAILABLE, "never mind"))
        await one.client.rest()
    assert len(held.requests) == 1


@pytest.mark.parametrize("end", ["aborted", "ended"])
async def test_a_client_that_goes_while_others_have_their_turn(end: str) -> None:
    def go(connection: Counted) -> None:
        if end == "ended":
            connection.eof_received()
            connection.counting.close()  # as transports do then
        else:
            connection.counting.abort()

    held, gone = Held(), asyncio.Event()
    async with connected(held, LARGE, kind=interrupted(go), leave=gone.set):
        await asyncio.wait_for(gone.wait(), PATIENCE)
        for _ in range(5):  # in which it would have gone on
            await asyncio.sleep(0)
    assert not held.requests


async def test_an_answer_that_began_before_a_stop_is_the_last() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"bo", "more_body": True})
        await stopping.wait()
        await send({"type": "http.response.body", "body": b"dy"})

    stopping, gone = asyncio.Event(), asyncio.Event()
    async with connected(served_by(app), POST, leave=gone.set) as one:
        await one.client.reply_begins()
        one.protocol.context.is_ending = True
        stopping.set()
        assert (await one.client.answer()).body == b"body"
        async with asyncio.timeout(PATIENCE / 2):
            await gone.wait()


async def test_what_is_no_request_is_told_as_such_behind_others() -> None:
    """And not what was wrong with the one before; then the connection ends soon."""

    def answer(request: RequestCycle) -> None:
        try:
            raise GatewayError(Code.UNAUTHENTICATED, "no token")
        except GatewayError:
            assert reply(request)

    padded = POST.replace(b"\r\n\r\n", b"\r\nA: %b\r\n\r\n" % (b"x" * SLICE_BYTES))
    for before in (POST, POST * 2 + padded):
        async with connected(soon(answer), before + b"\0bad\r\n\r\n") as one:
            for _ in range(before.count(b"POST")):
                assert (await one.client.answer()).status == 200
            assert_refused(await one.client.answer(), 400, 3)
            assert await one.client.rest() == b""


async def test_a_short_answer_of_an_app_is_one_write() -> None:
    """Its head waits for its body, and the body of a long one does not wait, nor is it copied."""
    page = bytes(MAX_UNWRITTEN_BYTES)

    def answers(*parts: bytes) -> ASGIApp:
        length = [(b"content-length", b"%d" % sum(map(len, parts)))]

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await send({"type": "http.response.start", "status": 200, "headers": length})
            for number, part in enumerate(parts, 1):
                more = number < len(parts)
                await send({"type": "http.response.body", "body": part, "more_body": more})
                assert not more or written[-1] == part

        return app

    for parts, writes in (((b"body",), 1), ((b"bo", b"dy"), None), ((page,), 2)):
        async with connected(served_by(answers(*parts))) as one:
            written = one.protocol.written
            await one.client.send(POST)
            assert (await one.client.answer()).body == b"".join(parts)
            assert writes in (None, len(written))
            assert parts != (page,) or written[-1] is page


async def test_much_is_written_at_once() -> None:
    answered = 0
    behind = asyncio.Event()

    def answer(request: RequestCycle) -> None:
        nonlocal answered
        if reply(request, bytes(MAX_UNWRITTEN_BYTES)):
            answered += 1
        else:
            behind.set()

    async with connected(soon(answer), POST * 500) as one:
        await asyncio.wait_for(behind.wait(), PATIENCE)
        assert 0 < answered < 50
        one.client.writer.transport.abort()


async def test_writes_are_collected_again_after_much_has_been_written() -> None:
    held = Held()
    async with connected(held, POST) as one:
        await held.wait()
        parts = [bytes(MAX_UNWRITTEN_BYTES // 4)] * 4 + [b"small"] * 2
        for part in parts:
            one.protocol.write(part)
        await one.client.reader.readexactly(sum(map(len, parts)))
        assert [*map(len, one.protocol.written)] == [MAX_UNWRITTEN_BYTES, 2 * len(b"small")]


async def test_answers_go_out_before_the_next_piece_of_long_work() -> None:
    def answer(request: RequestCycle) -> None:
        assert reply(request)
        answered.set()

    answered = asyncio.Event()
    async with connected(soon(answer)) as one:
        await one.client.send(POST)
        async with asyncio.timeout(PATIENCE):
            while not answered.is_set():
                assert not one.protocol.written
                await let_others_run()
        assert (len(one.protocol.written), (await one.client.answer()).body) == (1, b"ok")
        assert len(one.protocol.written) == 1


@pytest.mark.parametrize("before_long_work", [False, True])
async def test_a_transport_that_cannot_be_written_to_keeps_nobody_waiting(
    before_long_work: bool,
) -> None:
    held = Held()
    async with connected(held, POST) as broken, connected(held, POST) as sound:
        await held.wait(2)
        broken.protocol.flushed().write_eof()
        with reports() as told:
            for each in (broken, sound):
                each.protocol.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            if before_long_work:
                send_unsent()
            assert (await sound.client.answer()).body == b"ok"
        assert [type(each) for each in told] == [RuntimeError]
        assert await broken.client.rest() == b""


async def test_nobody_is_asked_for_a_body_that_has_been_refused() -> None:
    told = asyncio.get_running_loop().create_future()
    begins, reads = asyncio.Event(), asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begins.set()
        await reads.wait()
        told.set_result(await receive())

    lines = b"Host: gateway\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with connected(served_by(app)) as one:
        await one.client.send(b"POST / HTTP/1.1\r\n" + lines)
        await asyncio.wait_for(begins.wait(), PATIENCE)
        await one.client.send(b"no chunk\r\n")
        assert_refused(await one.client.answer(), 400, Code.INVALID_ARGUMENT.value)
        reads.set()
        with reports() as troubles:
            async with asyncio.timeout(PATIENCE):
                assert await told == {"type": "http.disconnect"}
            assert await one.client.rest() == b""
        assert not troubles


async def test_an_answer_is_written_before_the_client_is_seen_to_have_ended() -> None:
    held = Held()
    async with connected(held) as one:
        one.protocol.data_received(POST)
        await held.wait()
        assert reply(held.requests[0])
        one.protocol.eof_received()
        one.protocol.counting.close()  # as transports do then
        assert ((await one.client.answer()).body, await one.client.rest()) == (b"ok", b"")


@pytest.mark.parametrize("end", ["cut off", "finished", "failed"])
async def test_an_answer_is_written_before_the_server_ends_the_connection(end: str) -> None:
    held = Held()
    async with connected(held, POST * 2) as one:
        await held.wait()
        assert reply(held.requests[0])
        if end == "cut off":
            one.protocol.cut_off()
        else:
            await held.wait(2)
        if end == "finished":
            held.requests[1].keep_alive = False
            assert reply(held.requests[1], b"last")
        elif end == "failed":
            held.requests[1].fail(GatewayError(Code.UNAVAILABLE, "never mind"))
        assert (await one.client.answer()).body == b"ok"
        if end == "finished":
            assert (await one.client.answer()).body == b"last"
        elif end == "failed":
            assert_refused(await one.client.answer(), 503, Code.UNAVAILABLE.value)
        assert await one.client.rest() == b""


async def test_nothing_is_written_to_a_connection_that_was_lost() -> None:
    held = Held()
    async with connected(held, POST) as one:
        await held.wait()
        assert reply(held.requests[0])
        one.protocol.counting.abort()
        await asyncio.sleep(0)
        assert not one.protocol.written


@pytest.mark.parametrize("sent", [POST, POST[:20], b"bad\r\n\r\n"], ids=["whole", "part", "bad"])
async def test_a_connection_leaves_nothing_for_the_garbage_collector(sent: bytes) -> None:
    """Thousands that come and go would wait for it, with all that they have kept."""
    gone = asyncio.Event()
    gc.disable()
    try:
        async with connected(soon(), sent, leave=gone.set) as one:
            left = weakref.ref(one.protocol)
            if sent != POST[:20]:
                await one.client.answer()
            one.client.writer.close()
            await asyncio.wait_for(gone.wait(), PATIENCE)
        del one
        for _ in range(3):
            await asyncio.sleep(0)
        assert left() is None
    finally:
        gc.enable()
