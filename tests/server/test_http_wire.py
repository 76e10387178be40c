"""What of HTTP/1.1 is served and what is refused, byte by byte (RFC 9112, RFC 9110)."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from itertools import pairwise

import hypothesis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.server.http1.heads import TARGET_MAX_BYTES
from tests.server.samples import (
    CHUNKED,
    FIND_SHOW,
    GET_GROUPS,
    LENGTH,
    REFUSED,
    SERVED,
    SHOWS,
    chunked,
    raw,
    to,
)
from tests.support.patience import PATIENCE
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    SharedGateway,
    gateway_for,
    head,
)
from tests.support.wire import Answer, Wire, assert_refused, request, wire

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.gateway(max_body_mb=0.5, http_timeout=3600),
]

KILL = "/job.JobInterface/Kill"
JOB: dict[str, object] = {"job": {"id": "j1"}}


@pytest.mark.parametrize(("sent", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_refused(
    gateway: Gateway, cuebot: ScriptedCuebot, sent: bytes, status: int, code: int
) -> None:
    """It is refused in the one shape, the connection ends, and nothing after it is a request."""
    async with wire(gateway) as one:
        await one.send(sent, request(SHOWS, b"{}"))
        assert_refused(await one.answer(), status, code)
        assert await one.rest() == b""
    assert cuebot.seen == []


@pytest.mark.parametrize(("sent", "status", "code"), REFUSED.values(), ids=REFUSED)
async def test_refused_behind_another(
    gateway: Gateway, cuebot: ScriptedCuebot, sent: bytes, status: int, code: int
) -> None:
    """So it is behind a request in the same packet, which is answered first."""
    called, release = cuebot.holds(FIND_SHOW)
    async with wire(gateway) as one:
        await one.send(request(FIND_SHOW, b"{}"), sent, request(SHOWS, b"{}"))
        async with asyncio.timeout(PATIENCE):
            await called.wait()
        release.set()
        answer = await one.answer()
        assert (answer.status, answer.headers.get("connection")) == (200, None)
        assert_refused(await one.answer(), status, code)
        assert await one.rest() == b""
    assert [path for path, _, _ in cuebot.seen] == [FIND_SHOW]


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
            assert await one.rest() == b""
    assert {path for path, _, _ in cuebot.seen} == {SHOWS}


@pytest.mark.parametrize("start", [b"SETUP %b RTSP/1.1", b"SOURCE %b ICE/1.1"])
async def test_methods_of_other_protocols(
    gateway: Gateway, cuebot: ScriptedCuebot, start: bytes
) -> None:
    """They are methods that nothing has, and their bodies end where HTTP's do."""
    async with wire(gateway) as one:
        await one.send(to(SHOWS.encode(), start=start), request(SHOWS, b"{}"))
        assert (await one.answer()).status == 405
        assert (await one.answer()).status == 200
    assert len(cuebot.seen) == 1


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
        b"/" + b"x" * (TARGET_MAX_BYTES - 1),
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


@pytest.mark.parametrize(("path", "body"), [(SHOWS, {}), (KILL, JOB)], ids=["reads", "changes"])
async def test_a_query_is_not_read_and_named(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str, body: dict[str, object]
) -> None:
    """The call is made without what is in its query, and the answer says so."""
    answer = await gateway.post(path + "?_=17&page%2f=2&x", body)
    assert answer.status_code == 200
    assert answer.headers["x-ignored-fields"] == "%3F_, %3Fpage%2F, %3Fx"
    answer = await gateway.post(path + "?", body)
    assert answer.headers.get("x-ignored-fields") is None
    with_query, without = [payload for _, payload, _ in cuebot.seen]
    assert with_query == without


async def test_a_query_stands_beside_unknown_fields(gateway: Gateway) -> None:
    """The answer names both, and not without bound."""
    body = {"group": {"id": "g", "unknown": 1}}
    answer = await gateway.post(GET_GROUPS + "?" + "&".join(["x"] * 1000), body)
    assert answer.headers["x-ignored-fields"] == "%3Fx, " * 20 + "..."
    answer = await gateway.post(GET_GROUPS + "?x=y", body)
    assert answer.headers["x-ignored-fields"] == "%3Fx, group.unknown"


async def test_a_query_is_refused_where_nothing_is_ignored(cuebot: ScriptedCuebot) -> None:
    """With UNKNOWN_FIELDS=reject a call with a query is not made, and the answer names it."""
    async with gateway_for(cuebot.endpoint, unknown_fields="reject") as strict:
        answer = await strict.post(KILL + "?job%20id=x&reason=y", {})
        assert (answer.status_code, answer.json()["code"]) == (400, 3)
        assert "'job id'" in answer.json()["message"]
        assert (await strict.post(KILL, JOB)).status_code == 200
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
        answer = await one.answer()
        assert (answer.status, answer.headers["connection"]) == (status, "close")
        with suppress(ConnectionError):
            await one.send(request(SHOWS, b"{}"))
        assert await one.rest() == b""


async def test_health_does_not_ask_for_a_body(gateway: Gateway) -> None:
    """So it is with an answer that needs no body."""
    lines = ("Expect: 100-continue", "Content-Length: 10")
    async with wire(gateway) as one:
        await one.send(head("/healthz", *lines, start="GET"))
        answer = await one.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert await one.rest() == b""


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
        assert_refused(await one.answer(), 400, 3)
        assert await one.rest() == b""
    (line,) = [line for line in lines if line["request_id"] == "broken"]
    assert (line["status"], line["code"]) == (400, "INVALID_ARGUMENT")


async def test_a_body_that_breaks_after_its_answer(gateway: Gateway) -> None:
    """There is no second answer to one request."""
    async with wire(gateway) as one:
        await one.send(head(SHOWS, "Transfer-Encoding: chunked", subject=None))
        answer = await one.answer()
        assert answer.status == 401
        await one.send(b"x\r\n")
        assert await one.rest() == b""


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
async def outcome(shared_gateway: SharedGateway, scripted_cuebot: ScriptedCuebot) -> Outcome:
    """A function: what comes of a stream in these packets, the answers and the calls."""
    gateway = await shared_gateway(scripted_cuebot.endpoint, max_body_mb=0.5, http_timeout=3600)

    async def found(sent: bytes, cuts: Sequence[int]) -> object:
        scripted_cuebot.start_over()
        async with wire(gateway) as one:
            await send_in_parts(one, sent, cuts)
            answers = told(await one.rest())
        assert answers
        return answers, [(path, payload) for path, payload, _ in scripted_cuebot.seen]

    return found


@hypothesis.settings(max_examples=60)
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
        assert await one.rest() == b""
    assert [answer.status for answer in answers] == [200, 200]
    assert [path for path, _, _ in cuebot.seen] == [FIND_SHOW, SHOWS]
