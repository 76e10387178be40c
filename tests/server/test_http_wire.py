"""What of HTTP/1.1 is served and what is refused, byte by byte (RFC 9112, RFC 9110)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import pairwise

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.server.http1.parser import LARGEST_HEAD, SLICE
from gateway.server.http1.rules import LONGEST_TARGET, MOST_HEADERS
from tests.support.opencue import opencue
from tests.support.servers import (
    Context,
    Gateway,
    ScriptedCuebot,
    head,
    running_cuebot,
    running_gateway,
    settings_for,
    token,
)
from tests.support.wire import PATIENCE, Answer, Wire, assert_refused, request, wire

pytestmark = pytest.mark.anyio

PROMPTLY = 4.0
SHOWS = "/show.ShowInterface/GetShows"
FIND_SHOW = "/show.ShowInterface/FindShow"
KILL = "/job.JobInterface/Kill"


@pytest.fixture(scope="module")
async def scripted() -> AsyncIterator[ScriptedCuebot]:
    async with running_cuebot(ScriptedCuebot(opencue().files)) as cuebot:
        yield cuebot


@pytest.fixture(scope="module")
async def shared(scripted: ScriptedCuebot) -> AsyncIterator[Gateway]:
    settings = settings_for(scripted.endpoint, rate_limit_rps=0, max_body_mb=0.5)
    async with running_gateway(settings) as gateway:
        yield gateway


@pytest.fixture
def cuebot(scripted: ScriptedCuebot) -> ScriptedCuebot:
    """The server, which has forgotten earlier tests."""
    scripted.seen.clear()
    scripted.handlers.clear()
    for path in (SHOWS, FIND_SHOW, KILL):
        scripted.answers(path, b"")
    return scripted


@pytest.fixture
def gateway(shared: Gateway, cuebot: ScriptedCuebot) -> Gateway:
    return shared


def slow(cuebot: ScriptedCuebot, path: str) -> tuple[asyncio.Event, asyncio.Event]:
    """Let the method wait; the events that it has been called, and that it may answer."""
    called, release = asyncio.Event(), asyncio.Event()

    async def handler(request: bytes, context: Context) -> bytes:
        called.set()
        await release.wait()
        return b""

    cuebot.handlers[path] = handler
    return called, release


def raw(
    *lines: bytes,
    start: bytes = b"POST " + SHOWS.encode() + b" HTTP/1.1",
    host: bytes | None = b"Host: gateway",
    body: bytes = b"",
) -> bytes:
    """A request with a token, of these lines as they are."""
    authorization = f"Authorization: Bearer {token()}".encode()
    given = [start, *([] if host is None else [host]), authorization, *lines, b"", body]
    return b"\r\n".join(given)


def to(target: bytes, start: bytes = b"POST %b HTTP/1.1", **more: bytes) -> bytes:
    return raw(b"Content-Length: 2", start=start.replace(b"%b", target), body=b"{}", **more)


CHUNKED = b"Transfer-Encoding: chunked"
LENGTH = b"Content-Length: 2"


def chunked(body: bytes) -> bytes:
    return raw(CHUNKED, body=body)


HEADS = {
    "a length beside chunks": raw(LENGTH, CHUNKED, body=b"2\r\n{}\r\n0\r\n\r\n"),
    "chunks beside a length": raw(CHUNKED, LENGTH, body=b"2\r\n{}\r\n0\r\n\r\n"),
    "two lengths": raw(LENGTH, b"Content-Length: 3", body=b"{} "),
    "one length twice": raw(LENGTH, LENGTH, body=b"{}"),
    "a list of lengths": raw(b"Content-Length: 2, 2", body=b"{}"),
    "a length with a plus": raw(b"Content-Length: +2", body=b"{}"),
    "a negative length": raw(b"Content-Length: -2", body=b"{}"),
    "a hexadecimal length": raw(b"Content-Length: 0x2", body=b"{}"),
    "a length in two words": raw(b"Content-Length: 2 2", body=b"{}"),
    "an empty length": raw(b"Content-Length:", body=b"{}"),
    "a length of 20 digits": raw(b"Content-Length: 99999999999999999999", body=b"{}"),
    "an unknown coding": raw(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"),
    "a coding after chunked": raw(b"Transfer-Encoding: chunked, identity", body=b"0\r\n\r\n"),
    "a coding before chunked": raw(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"),
    "chunked in one line twice": raw(b"Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
    "chunked in two lines": raw(CHUNKED, CHUNKED, body=b"0\r\n\r\n"),
    "identity": raw(b"Transfer-Encoding: identity", body=b"0\r\n\r\n"),
    "identity beside a length": raw(b"Transfer-Encoding: identity", LENGTH, body=b"{}"),
    "an empty coding": raw(b"Transfer-Encoding:", LENGTH, body=b"{}"),
    "a quoted coding": raw(b'Transfer-Encoding: "chunked"', body=b"0\r\n\r\n"),
    "a coding after a tabulator": raw(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"),
    "a folded coding": raw(b"Transfer-Encoding:\r\n chunked", body=b"0\r\n\r\n"),
    "a coding in HTTP/1.0": chunked(b"0\r\n\r\n").replace(b"HTTP/1.1", b"HTTP/1.0", 1),
    "bare line feeds": to(SHOWS.encode()).replace(b"\r\n", b"\n"),
    "a bare line feed after the start": to(SHOWS.encode()).replace(b"1.1\r\n", b"1.1\n"),
    "a bare line feed after a header": raw(LENGTH + b"\nA: b", body=b"{}"),
    "a bare line feed at the end": raw(b"A: b").removesuffix(b"\r\n") + b"\n",
    "a bare return in a value": raw(b"A: b\rc"),
    "a bare return after a header": raw(b"A: b\rTransfer-Encoding: chunked"),
    "a bare return after the start": to(SHOWS.encode()).replace(b"1.1\r\n", b"1.1\r"),
    "a folded line": raw(b"A: b\r\n c"),
    "a folded first line": raw(host=b" Host: gateway"),
    "a blank before the colon": raw(b"A : b"),
    "a tabulator before the colon": raw(b"A\t: b"),
    "a blank before the coding's colon": raw(b"Transfer-Encoding : chunked", body=b"0\r\n\r\n"),
    "a line without a colon": raw(b"A"),
    "a header without a name": raw(b": b"),
    "NUL in a name": raw(b"A\0B: c"),
    "a control character in a name": raw(b"A\x01B: c"),
    "another byte in a name": raw(b"A\xe9B: c"),
    "NUL in a value": raw(b"A: b\0c"),
    "a control character in a value": raw(b"A: b\x01c"),
    "DEL in a value": raw(b"A: b\x7fc"),
    "no Host": raw(host=None),
    "two Hosts": raw(b"Host: gateway"),
    "two different Hosts": raw(b"host: other"),
    "a Host with a path": raw(host=b"Host: gateway/x"),
    "a Host with a user": raw(host=b"Host: user@gateway"),
    "two words as a Host": raw(host=b"Host: gateway other"),
    "a list of Hosts": raw(host=b"Host: gateway, other:1"),
    "an unknown method": to(b"/x", start=b"FOO %b HTTP/1.1"),
    "a method in lower case": to(SHOWS.encode(), start=b"post %b HTTP/1.1"),
    "a method that is no token": to(b"/x", start=b"P(ST %b HTTP/1.1"),
    "a tabulator after the method": to(SHOWS.encode(), start=b"POST\t%b HTTP/1.1"),
    "a tabulator after the target": to(SHOWS.encode(), start=b"POST %b\tHTTP/1.1"),
    "a tabulator in the target": to(b"/x\ty"),
    "a control character in the target": to(b"/x\x01y"),
    "NUL in the target": to(b"/x\0y"),
    "another byte in the target": to("/é".encode()),
    "a fragment": to(SHOWS.encode() + b"#x"),
    "a fragment after a query": to(SHOWS.encode() + b"?a#x"),
    "an authority as the target": to(b"gateway:80"),
    "a target without a slash": to(SHOWS.encode()[1:]),
    "an asterisk as the target": to(b"*"),
    "another scheme": to(b"ftp://gateway" + SHOWS.encode()),
    "a user name in the target": to(b"http://user:word@gateway" + SHOWS.encode()),
    "a blank at the start": b" " + to(SHOWS.encode()),
    "a blank at the end of the line": to(SHOWS.encode(), start=b"POST %b HTTP/1.1 "),
    "http in lower case": to(SHOWS.encode(), start=b"POST %b http/1.1"),
    "HTTP/1.10": to(SHOWS.encode(), start=b"POST %b HTTP/1.10"),
    "HTTP/01.1": to(SHOWS.encode(), start=b"POST %b HTTP/01.1"),
    "another version": to(SHOWS.encode(), start=b"POST %b HTTP/9.9"),
    "the start of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no HTTP": b"garbage\r\n\r\n",
    "TLS": bytes.fromhex("16030100f1010000ed0303") + b"\0" * 200,
}
BODIES = {
    "a size with 0x": chunked(b"0x2\r\n{}\r\n0\r\n\r\n"),
    "a size with a plus": chunked(b"+2\r\n{}\r\n0\r\n\r\n"),
    "a negative size": chunked(b"-2\r\n{}\r\n0\r\n\r\n"),
    "a blank before the size": chunked(b" 2\r\n{}\r\n0\r\n\r\n"),
    "a blank after the size": chunked(b"2 \r\n{}\r\n0\r\n\r\n"),
    "a blank before the extension": chunked(b"2 ;a\r\n{}\r\n0\r\n\r\n"),
    "a tabulator after the size": chunked(b"2\t\r\n{}\r\n0\r\n\r\n"),
    "a size of 17 digits": chunked(b"FFFFFFFFFFFFFFFFF\r\n{}\r\n0\r\n\r\n"),
    "no size": chunked(b"\r\n{}\r\n0\r\n\r\n"),
    "an extension only": chunked(b";a\r\n{}\r\n0\r\n\r\n"),
    "a bare line feed after the size": chunked(b"2\n{}\r\n0\r\n\r\n"),
    "a bare line feed in an extension": chunked(b"2;a\n{}\r\n0\r\n\r\n"),
    "a quoted line feed": chunked(b'2;a="\n"\r\n{}\r\n0\r\n\r\n'),
    "a bare return in an extension": chunked(b"2;a\rb\r\n{}\r\n0\r\n\r\n"),
    "a bare line feed after the data": chunked(b"2\r\n{}\n0\r\n\r\n"),
    "more data than the size": chunked(b"2\r\n{}x\r\n0\r\n\r\n"),
    "nothing after the data": chunked(b"2\r\n{}0\r\n\r\n"),
    "bare line feeds at the end": chunked(b"2\r\n{}\r\n0\n\n"),
    "a bare line feed at the end": chunked(b"2\r\n{}\r\n0\r\n\n"),
    "a bare line feed in a trailer": chunked(b"2\r\n{}\r\n0\r\nA: b\n\r\n"),
    "a length as a trailer": chunked(b"2\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n"),
    "a coding as a trailer": chunked(b"2\r\n{}\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"),
}
OTHERS = {
    "HTTP/2.0": (to(SHOWS.encode(), start=b"POST %b HTTP/2.0"), 505, 12),
    "HTTP/0.9": (b"GET /healthz\r\n\r\n", 505, 12),
    "CONNECT": (to(b"gateway:80", start=b"CONNECT %b HTTP/1.1"), 501, 12),
    "an unknown expectation": (raw(b"Expect: 200-ok", LENGTH, body=b"{}"), 417, 3),
    "two expectations": (raw(b"Expect: 100-continue, x", LENGTH, body=b"{}"), 417, 3),
    "a long target": (to(b"/" + b"x" * LONGEST_TARGET), 414, 8),
    "a target without end": (b"POST /" + b"x" * 20_000, 414, 8),
    "many headers": (raw(*[b"A: b"] * MOST_HEADERS), 431, 8),
    "headers without end": (raw(*[b"A: b"] * 20 * MOST_HEADERS)[:-4], 431, 8),
    "a long header": (raw(b"A: " + b"b" * (LARGEST_HEAD + 2 * SLICE)), 431, 8),
    "a header without end": (raw(b"A: " + b"b" * (LARGEST_HEAD + 2 * SLICE))[:-4], 431, 8),
    "a long extension": (chunked(b"2;a=" + b"b" * (LARGEST_HEAD + 2 * SLICE)), 431, 8),
    "a long trailer": (chunked(b"0\r\nA: " + b"b" * (LARGEST_HEAD + 2 * SLICE)), 431, 8),
    "many trailers": (chunked(b"0\r\n" + b"A: b\r\n" * 2000), 431, 8),
}
REFUSED = (
    {name: (sent, 400, 3) for name, sent in HEADS.items()}
    | {name: (sent, 400, 3) for name, sent in BODIES.items()}
    | OTHERS
)


@pytest.mark.parametrize(("sent", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_refused(
    gateway: Gateway, cuebot: ScriptedCuebot, sent: bytes, status: int, code: int
) -> None:
    """It is refused in the one shape, the connection ends, and nothing after it is a request."""
    async with wire(gateway) as one:
        await one.send(sent, request(SHOWS, b"{}"))
        assert_refused(await one.answer(patience=PROMPTLY), status, code)
        assert await one.rest(PROMPTLY) == b""
    assert cuebot.seen == []


@pytest.mark.parametrize(("sent", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_refused_behind_another(
    gateway: Gateway, cuebot: ScriptedCuebot, sent: bytes, status: int, code: int
) -> None:
    """So it is behind a request in the same packet, which is answered first."""
    called, release = slow(cuebot, FIND_SHOW)
    async with wire(gateway) as one:
        await one.send(request(FIND_SHOW, b"{}"), sent, request(SHOWS, b"{}"))
        async with asyncio.timeout(PATIENCE):
            await called.wait()
        release.set()
        answer = await one.answer()
        assert (answer.status, answer.headers.get("connection")) == (200, None)
        assert_refused(await one.answer(patience=PROMPTLY), status, code)
        assert await one.rest(PROMPTLY) == b""
    assert [path for path, _, _ in cuebot.seen] == [FIND_SHOW]


SERVED = {
    "a plain request": to(SHOWS.encode()),
    "no body": raw(),
    "chunks": chunked(b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"),
    "zeros before a size": chunked(b"0002\r\n{}\r\n000\r\n\r\n"),
    "an extension": chunked(b'2;a=b;c="d"\r\n{}\r\n0\r\n\r\n'),
    "a trailer": chunked(b"2\r\n{}\r\n0\r\nA: b\r\n\r\n"),
    "a Host as a trailer": chunked(b"2\r\n{}\r\n0\r\nHost: x\r\n\r\n"),
    "another case": raw(b"TRANSFER-ENCODING: Chunked", body=b"0\r\n\r\n"),
    "zeros before a length": raw(b"Content-Length: 0002", body=b"{}"),
    "an empty line before": b"\r\n" + to(SHOWS.encode()),
    "HTTP/1.0": to(SHOWS.encode(), start=b"POST %b HTTP/1.0"),
    "HTTP/1.0 without a Host": raw(
        LENGTH, start=b"POST %b HTTP/1.0".replace(b"%b", SHOWS.encode()), host=None, body=b"{}"
    ),
    "an empty Host": to(SHOWS.encode(), host=b"Host:"),
    "an IPv6 Host": to(SHOWS.encode(), host=b"Host: [::1]:8448"),
    "a Host with an underscore": to(SHOWS.encode(), host=b"Host: cue_bot.studio.example:8448"),
    "other bytes in a value": raw(b"A: \xe9\tb", LENGTH, body=b"{}"),
    "the absolute form": to(b"http://other:80" + SHOWS.encode()),
    "the absolute form of https": to(b"HTTPS://other" + SHOWS.encode()),
    "two slashes": to(b"/" + SHOWS.encode()),
    "encoded characters": to(b"/show.%53howInterface%2fGetShows"),
    "as many headers as may be": raw(*[b"A: b"] * (MOST_HEADERS - 2)),
    "a long header": raw(b"A: " + b"b" * (LARGEST_HEAD - 2 * SLICE)),
    # RFC 9112 section 3 lets a server take any number of blanks.
    "two blanks": to(SHOWS.encode(), start=b"POST  %b  HTTP/1.1"),
}


@pytest.mark.parametrize("sent", SERVED.values(), ids=SERVED)
async def test_served(gateway: Gateway, cuebot: ScriptedCuebot, sent: bytes) -> None:
    """It is a request, and so is what follows it on the connection."""
    async with wire(gateway) as one:
        await one.send(sent)
        assert (await one.answer()).status == 200
        if b"HTTP/1.0" not in sent:
            await one.send(request(SHOWS, b"{}"))
            assert (await one.answer()).status == 200
        else:
            assert await one.rest(PROMPTLY) == b""
    assert {path for path, _, _ in cuebot.seen} == {SHOWS}


@pytest.mark.parametrize(
    "target",
    [
        b"/x/.." + SHOWS.encode(),
        b"/show.ShowInterface/../show.ShowInterface/GetShows",
        b"/./show.ShowInterface/GetShows",
        SHOWS.encode() + b"/",
        b"/show.ShowInterface//GetShows",
        SHOWS.encode() + b"%00",
        b"/%zz",
        b"/%ff%fe",
        b"/" + b"x" * (LONGEST_TARGET - 1),
        b"http://other",
        b"http://other?x",
        b"///",
    ],
    ids=lambda target: target[:40].decode(),
)
async def test_paths_are_taken_as_they_are(
    gateway: Gateway, cuebot: ScriptedCuebot, target: bytes
) -> None:
    """Nothing is resolved or guessed in a path: what is no method's is 404."""
    async with wire(gateway) as one:
        await one.send(to(target))
        answer = await one.answer()
    assert (answer.status, answer.code) == (404, 5)
    assert cuebot.seen == []


async def test_a_refusal_says_what_is_wrong(gateway: Gateway) -> None:
    """Whoever writes a client learns what its request lacks."""
    async with wire(gateway) as one:
        await one.send(raw(host=None))
        assert b"there is no Host header" in (await one.answer()).body
    async with wire(gateway) as one:
        await one.send(raw(LENGTH, LENGTH))
        assert b"Content-Length" in (await one.answer()).body


# --- the query string -------------------------------------------------------------------------


@pytest.mark.parametrize("path", [SHOWS, KILL], ids=["reads", "changes"])
async def test_a_query_is_not_read_and_named(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str
) -> None:
    """The call is made without what is in its query, and the answer says so."""
    answer = await gateway.post(path + "?_=17&page%2f=2&x", {})
    assert answer.status_code == 200
    assert answer.headers["x-ignored-fields"] == "%3F_, %3Fpage%2F, %3Fx"
    answer = await gateway.post(path + "?", {})
    assert answer.headers.get("x-ignored-fields") is None
    with_query, without = [payload for _, payload, _ in cuebot.seen]
    assert with_query == without


async def test_a_query_stands_beside_unknown_fields(gateway: Gateway) -> None:
    """The answer names both, and not without bound."""
    answer = await gateway.post(SHOWS + "?" + "&".join(["x"] * 1000), {"unknown": 1})
    assert answer.headers["x-ignored-fields"] == "%3Fx, " * 20 + "..."
    answer = await gateway.post(SHOWS + "?x=y", {"unknown": 1})
    assert answer.headers["x-ignored-fields"] == "%3Fx, unknown"


async def test_a_query_is_refused_where_nothing_is_ignored(cuebot: ScriptedCuebot) -> None:
    """With UNKNOWN_FIELDS=reject a call with a query is not made, and the answer names it."""
    settings = settings_for(cuebot.endpoint, unknown_fields="reject")
    async with running_gateway(settings) as strict:
        answer = await strict.post(KILL + "?job%20id=x&reason=y", {})
        assert (answer.status_code, answer.json()["code"]) == (400, 3)
        assert "'job id'" in answer.json()["message"]
        assert (await strict.post(KILL, {})).status_code == 200
    assert [path for path, _, _ in cuebot.seen] == [KILL]


# --- Expect -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "subject", "status"),
    [
        ((), None, 401),
        (("Content-Type: image/png",), "tester", 415),
        (("Content-Length: 900000",), "tester", 413),
        (("Grpc-Timeout: soon",), "tester", 400),
    ],
    ids=["no token", "no JSON", "too large", "a bad header"],
)
async def test_a_refused_body_is_not_asked_for(
    gateway: Gateway, lines: Sequence[str], subject: str | None, status: int
) -> None:
    """The refusal comes instead of a 100, and ends the connection: a body may follow or not."""
    length = () if "Content-Length" in str(lines) else ("Content-Length: 10",)
    async with wire(gateway) as one:
        await one.send(head(SHOWS, "Expect: 100-continue", *length, *lines, subject=subject))
        answer = await one.answer(patience=PROMPTLY)
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        with suppress(ConnectionError):
            await one.send(request(SHOWS, b"{}"))
        assert await one.rest(PROMPTLY) == b""


async def test_health_does_not_ask_for_a_body(gateway: Gateway) -> None:
    """So it is with an answer that needs no body."""
    lines = ("Expect: 100-continue", "Content-Length: 10")
    async with wire(gateway) as one:
        await one.send(head("/healthz", *lines, start="GET"))
        answer = await one.answer(patience=PROMPTLY)
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await one.rest(PROMPTLY) == b""


async def test_an_expectation_that_was_met_keeps_the_connection(gateway: Gateway) -> None:
    """After a 100, or a body that did not wait for it, the next request is answered."""
    async with wire(gateway) as one:
        await one.send(head(SHOWS, "Expect: 100-continue", "Content-Length: 2"))
        assert (await one.answer()).status == 100
        await one.send(b"{}")
        answer = await one.answer()
        assert (answer.status, answer.headers.get("connection")) == (200, None)
        await one.send(request(SHOWS, b"{}", "Expect: 100-Continue"))
        answer = await one.answer()
        assert (answer.status, answer.headers.get("connection")) == (200, None)
        await one.send(request(SHOWS, b"{}", "Expect: 100-continue", "Connection: close"))
        answer = await one.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")


async def test_http_1_0_expects_nothing(gateway: Gateway) -> None:
    """A client of HTTP/1.0 knows no 100 and gets none (RFC 9110 section 10.1.1)."""
    async with wire(gateway) as one:
        start = head(SHOWS, "Expect: 100-continue", "Content-Length: 2", version="1.0")
        await one.send(start)
        await asyncio.sleep(0.05)  # for a 100 that must not come
        await one.send(b"{}")
        assert (await one.answer()).status == 200


# --- bodies that break ------------------------------------------------------------------------


async def test_a_body_that_breaks_is_logged_as_refused(gateway: Gateway) -> None:
    """The log has the 400 that the client has seen, and not a client that has gone."""
    lines = gateway.access_lines()
    async with wire(gateway) as one:
        await one.send(raw(CHUNKED, b"X-Request-ID: broken"))
        await one.send(b"2\r\n{}\r\n")
        await asyncio.sleep(0.01)  # until the app waits for more
        await one.send(b"x\r\n")
        assert_refused(await one.answer(patience=PROMPTLY), 400, 3)
        assert await one.rest(PROMPTLY) == b""
    (line,) = [line for line in lines if line["request_id"] == "broken"]
    assert (line["status"], line["code"]) == (400, "INVALID_ARGUMENT")


async def test_a_body_that_breaks_after_its_answer(gateway: Gateway) -> None:
    """There is no second answer to one request."""
    async with wire(gateway) as one:
        await one.send(head(SHOWS, "Transfer-Encoding: chunked", subject=None))
        answer = await one.answer()
        assert answer.status == 401
        await one.send(b"x\r\n")
        assert await one.rest(PROMPTLY) == b""


# --- arbitrary packets ------------------------------------------------------------------------


REQUESTS = (
    request(SHOWS, b"{}"),
    request(FIND_SHOW, b'{"name": "x"}', "X-Filler: " + "x" * 100),
    head(FIND_SHOW, "Transfer-Encoding: chunked")
    + b'5;a="b"\r\n{"nam\r\n008\r\ne": "x"}\r\n0\r\nA: b\r\n\r\n',
    request(FIND_SHOW, b'{"nam": "x"}'),
    request(SHOWS, b"{}", subject=None),
    b"\r\n" + request("/no.Such/Method", b"{}"),
    head("/healthz", start="GET", subject=None),
    head("/healthz", start="HEAD", subject=None),
    raw(host=None),
    chunked(b"2\r\n{}\r\n0x\r\n\r\n"),
    head(SHOWS, "Connection: Upgrade", "Upgrade: h2c", "Content-Length: 2") + b"{}",
    head(SHOWS, "Connection: Upgrade", "Upgrade: websocket", "Transfer-Encoding: chunked")
    + b"2\r\n{}\r\n0\r\n\r\n",
)


async def send_in_parts(one: Wire, sent: bytes, cuts: Sequence[int]) -> None:
    """Send the bytes as packets that end at these places (modulo the length)."""
    places = sorted({cut % len(sent) for cut in cuts} | {0, len(sent)})
    for start, end in pairwise(places):
        with suppress(ConnectionError, RuntimeError):  # uvloop's, for a closed connection
            await one.send(sent[start:end])
        await asyncio.sleep(0)
        await asyncio.sleep(0)


def told(found: bytes) -> list[tuple[bytes, bytes]]:
    """Status and body of each answer, which have no chunks in these tests."""
    answers = []
    while found:
        lines, _, found = found.partition(b"\r\n\r\n")
        headers = dict(
            line.lower().split(b": ", 1) for line in lines.split(b"\r\n")[1:] if b": " in line
        )
        size = int(headers[b"content-length"])
        body, found = (found[:size], found[size:]) if found.startswith(b"{") else (b"", found)
        answers.append((lines.split(b" ")[1], body))
    return answers


Outcome = Callable[[bytes, Sequence[int]], Awaitable[object]]


@pytest.fixture(scope="module")
def outcome(shared: Gateway, scripted: ScriptedCuebot) -> Outcome:
    """A function: what comes of a stream in these packets, the answers and the calls."""

    async def found(sent: bytes, cuts: Sequence[int]) -> object:
        scripted.seen.clear()
        for path in (SHOWS, FIND_SHOW):
            scripted.answers(path, b"")
        async with wire(shared) as one:
            await send_in_parts(one, sent, cuts)
            answers = told(await one.rest())
        assert answers
        return answers, [(path, payload) for path, payload, _ in scripted.seen]

    return found


@hypothesis.settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from(REQUESTS), min_size=1, max_size=3),
    st.lists(st.integers(0, 2000), max_size=30),
)
async def test_packets_mean_nothing(
    outcome: Outcome, requests: list[bytes], cuts: list[int]
) -> None:
    """However a stream is cut into packets, its answers, and the calls made, are the same."""
    sent = b"".join(requests) + request(SHOWS, b"{}", "Connection: close")
    assert await outcome(sent, cuts) == await outcome(sent, [])


async def test_byte_by_byte(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Two requests of which every byte is a packet get their two answers."""
    sent = REQUESTS[2] + request(SHOWS, b"{}", "Connection: close")
    async with wire(gateway) as one:
        await send_in_parts(one, sent, range(len(sent)))
        answers: list[Answer] = [await one.answer(), await one.answer()]
        assert await one.rest(PROMPTLY) == b""
    assert [answer.status for answer in answers] == [200, 200]
    assert [path for path, _, _ in cuebot.seen] == [FIND_SHOW, SHOWS]
