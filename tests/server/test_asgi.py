"""Any ASGI app on the server's connections, and requests that are served without one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.testing import capture_logs
from uvicorn.server import ServerState

from gateway.core.direct_connection import EXTENSION
from gateway.server.http1.asgi import asgi_service
from gateway.server.http1.protocol import HttpProtocol
from gateway.server.http1.request_cycle import ClientDisconnected, RequestCycle
from gateway.server.http1.state import ServerContext
from tests.server.samples import SMALLEST
from tests.server.test_writes import Serve
from tests.support.patience import PATIENCE
from tests.support.wire import Wire, assert_refused, wire_to

pytestmark = pytest.mark.anyio

POST = b"POST /a%20b?c=%20d HTTP/1.1\r\nHost: gateway\r\nX-Two: 1\r\nx-two: 2\r\n"
WHOLE = POST + b"Content-Length: 4\r\n\r\nbody"
DATE = (b"date", b"today")
TEXT = [(b"content-type", b"text/plain")]


@asynccontextmanager
async def serving(serve: Serve, state: ServerState | None = None) -> AsyncIterator[Wire]:
    """A connection on which requests are served that way."""
    state = state or ServerState()
    state.default_headers = [DATE]
    context = ServerContext(serve=serve, timeout=PATIENCE, state=state)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: HttpProtocol(context, leave=lambda: None), "127.0.0.1", 0
    )
    try:
        async with wire_to(server.sockets[0].getsockname()[1]) as one:
            yield one
    finally:
        server.close()


@asynccontextmanager
async def running(app: ASGIApp, **lifespan: object) -> AsyncIterator[Wire]:
    """A connection to the app, whose lifespan has left this state."""
    state = ServerState()
    async with serving(asgi_service(app, dict(lifespan)), state) as one:
        yield one
    async with asyncio.timeout(PATIENCE):
        while state.tasks:
            await asyncio.wait(state.tasks)


def start(status: int = 200, headers: object = TEXT) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: bytes = b"", *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Send back the body in the pieces in which it comes."""
    await send(start())
    more = True
    while more:
        message = await receive()
        more = message["more_body"]
        await send(body(message["body"], more=more))


async def test_the_scope_is_what_asgi_says() -> None:
    """And it has the object that our server lends."""
    found: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        found.append(scope)
        await echo(scope, receive, send)

    async with running(app, key="value") as one:
        await one.send(WHOLE)
        assert (await one.answer()).body == b"body"
        client, server = (one.writer.get_extra_info(name) for name in ("sockname", "peername"))
    (scope,) = found
    assert isinstance(scope.pop("extensions")["cuebot_gateway"], RequestCycle)
    twice = [(b"x-two", b"1"), (b"x-two", b"2")]
    assert scope.pop("headers") == [(b"host", b"gateway"), *twice, (b"content-length", b"4")]
    assert scope.pop("asgi") == {"version": "3.0", "spec_version": "2.4"}
    assert scope == {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/a b",
        "raw_path": b"/a%20b",
        "query_string": b"c=%20d",
        "root_path": "",
        "client": client,
        "server": server,
        "state": {"key": "value"},
    }


CHUNKED = b"transfer-encoding: chunked\r\n\r\n1\r\n"
TWO = [(b"content-length", b"2")]


@pytest.mark.parametrize(
    ("method", "status", "headers", "pieces", "expected"),
    [
        (b"POST", 200, [], [b"a", b"", b"b"], CHUNKED + b"a\r\n1\r\nb"),
        (b"POST", 200, TWO, [b"a", b"b"], b"content-length: 2\r\n\r\nab"),
        (b"POST", 204, [], [], b"date: today\r\n\r\n"),
        (b"POST", 200, [(b"A", b"b")], [b"c"], b"a: b\r\n" + CHUNKED + b"c"),
        (b"HEAD", 200, TWO, [b"ab"], b"content-length: 2\r\n\r\n"),
        (b"HEAD", 200, [], [b"ab"], b"date: today\r\n\r\n"),
        (b"POST", 599, [(b"Content-Length", b"0")], [], b"content-length: 0\r\n\r\n"),
    ],
    ids=["chunks", "a length", "204", "a header", "HEAD", "HEAD without a length", "599"],
)
async def test_answers_as_bytes(
    method: bytes, status: int, headers: object, pieces: list[bytes], expected: bytes
) -> None:
    """Bodies are framed as the app says, or in chunks; where there must be none, there is none."""
    parts = [body(piece, more=True) for piece in pieces]
    async with running(says(start(status, headers), *parts, body())) as one:
        await one.send(SMALLEST.replace(b"GET", method))
        found = await one.reader.readuntil(b"\r\n\r\n")
        await one.send(b"garbage\r\n\r\n")  # which ends the connection
        found += (await one.rest()).partition(b"HTTP/1.1 400 ")[0]
    assert found.startswith(b"HTTP/1.1 %d " % status)
    assert found.removesuffix(b"\r\n0\r\n\r\n").endswith(expected)


def says(*messages: Message) -> ASGIApp:
    """An app that sends these, and returns."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for message in messages:
            await send(message)

    return app


def raises(error: BaseException) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("app", "status"),
    [
        (says(), 500),
        (raises(ValueError("a secret")), 500),
        (raises(asyncio.CancelledError()), 503),
        (says(start(headers=[(b"a", b"b\r\nc: d")])), 500),
        (says(start(headers=[(b"a: b\r\nc", b"d")])), 500),
        (says(body()), 500),
    ],
    ids=["leaves", "fails", "cancelled", "splits a header", "splits a name", "only a body"],
)
async def test_an_app_that_fails_is_an_error(app: ASGIApp, status: int) -> None:
    """Whatever goes wrong before an answer, the client gets one, without what the log has."""
    with capture_logs() as lines:
        async with running(app) as one:
            await one.send(WHOLE)
            answer = await one.answer()
            assert_refused(answer, status, 13 if status == 500 else 14)
            assert b"secret" not in answer.body
            assert await one.rest() == b""
    assert [line["log_level"] for line in lines].count("error") == (status == 500)


@pytest.mark.parametrize(
    "app",
    [
        says(start(headers=[(b"content-length", b"3")]), body(b"ab")),
        says(start(headers=[(b"content-length", b"1")]), body(b"ab")),
        says(start(), body(b"ab", more=True)),
    ],
    ids=["short", "long", "ends early"],
)
async def test_an_answer_that_breaks_off_ends_the_connection(app: ASGIApp) -> None:
    async with running(app) as one:
        await one.send(WHOLE, WHOLE)
        found = await one.rest()
    assert found.startswith(b"HTTP/1.1 200 ")
    assert found.count(b"HTTP/1.1 ") == 1
    assert not found.endswith(b"0\r\n\r\n")


async def test_there_is_one_answer() -> None:
    """What an app sends after its answer is an error of the app, and nothing on the wire."""
    problems: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await echo(scope, receive, send)
        for message in (start(), body()):
            with pytest.raises(RuntimeError) as raised:
                await send(message)
            problems.append(str(raised.value))
        assert (await receive())["type"] == "http.disconnect"

    async with running(app) as one:
        await one.send(WHOLE)
        assert (await one.answer()).body == b"body"
        await one.send(WHOLE)
        assert (await one.answer()).body == b"body"
    assert len(problems) == 4


async def test_a_client_that_disconnects_is_told_of_in_every_way() -> None:
    called: list[str] = []
    found = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        direct = scope["extensions"][EXTENSION]
        assert direct is not None
        direct.on_disconnect = lambda: called.append("on_disconnect")
        assert direct.take_body() == b"body"
        found.set()
        assert (await receive())["type"] == "http.disconnect"
        assert not direct.answer(200, [(b"content-length", b"0")], b"")
        with pytest.raises(ClientDisconnected):
            await send(start())
        called.append("done")

    async with running(app) as one:
        await one.send(WHOLE)
        await found.wait()
    assert called == ["on_disconnect", "done"]


async def test_a_body_is_taken_whole_or_not_at_all() -> None:
    taken: list[bytes | None] = []
    here = asyncio.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        direct = scope["extensions"][EXTENSION]
        assert direct is not None
        taken.append(direct.take_body())
        here.set()
        await echo(scope, receive, send)

    async with running(app) as one:
        await one.send(WHOLE[:-2])
        await here.wait()
        await one.send(WHOLE[-2:])
        assert (await one.answer()).body == b"body"
    assert taken == [None]
