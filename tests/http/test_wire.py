"""HTTP/1.1 as bytes on a socket: framing, trailers, upgrades, keep-alive, and how a stop looks."""

import asyncio
import http.client
import json
from contextlib import closing, suppress

import pytest

from tests.support.opencue import jobs
from tests.support.patience import PATIENCE
from tests.support.servers import (
    Context,
    Gateway,
    ScriptedCuebot,
    gateway_for,
    head,
    token,
)
from tests.support.wire import request, wire

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.gateway(max_body_mb=0.5, http_timeout=3600),
]

SHOWS = "/show.ShowInterface/GetShows"
FIND_SHOW = "/show.ShowInterface/FindShow"
GET_JOBS = "/job.JobInterface/GetJobs"
MEGABYTE = 2**20


# --- headers --------------------------------------------------------------------------------


async def test_a_token_in_a_trailer_is_no_token(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Without an Authorization header a request is 401, whatever its trailers say."""
    trailer = f"0\r\nAuthorization: Bearer {token('bob')}\r\n\r\n".encode()
    async with wire(gateway) as one:
        start = head(SHOWS, "Transfer-Encoding: chunked", "Trailer: Authorization", subject=None)
        await one.send(start, b"2\r\n{}\r\n", trailer)
        answer = await one.answer()
    assert (answer.status, answer.code) == (401, 16)
    assert cuebot.seen == []


async def test_trailers_change_nothing(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Neither the caller nor the request id is taken from a trailer instead of a header."""
    trailers = f"0\r\nAuthorization: Bearer {token('bob')}\r\nX-Request-ID: theirs\r\n\r\n"
    async with wire(gateway) as one:
        start = head(SHOWS, "Transfer-Encoding: chunked", "X-Request-ID: ours", subject="alice")
        await one.send(start, b"2\r\n{}\r\n", trailers.encode())
        answer = await one.answer()
    assert answer.status == 200
    assert answer.headers["x-request-id"] == "ours"
    (call,) = cuebot.seen
    assert call[2]["x-gateway-principal"] == "alice"
    assert call[2]["x-request-id"] == "ours"


async def test_a_request_id_in_a_trailer_is_none(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """A request that names its id only in a trailer gets one of the gateway's."""
    async with wire(gateway) as one:
        start = head(SHOWS, "Transfer-Encoding: chunked")
        await one.send(start, b"2\r\n{}\r\n", b"0\r\nX-Request-ID: theirs\r\n\r\n")
        answer = await one.answer()
    assert answer.status == 200
    assert answer.headers["x-request-id"] != "theirs"
    assert cuebot.seen[0][2]["x-request-id"] == answer.headers["x-request-id"]


async def test_two_tokens_are_none(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """A request with two Authorization headers is 401: nobody has to guess which one counts."""
    second = f"Authorization: Bearer {token('bob')}"
    async with wire(gateway) as one:
        await one.send(request(SHOWS, b"{}", second, subject="alice"))
        answer = await one.answer()
    assert (answer.status, answer.code) == (401, 16)
    assert cuebot.seen == []


# --- upgrades -------------------------------------------------------------------------------


@pytest.mark.parametrize("protocol", ["h2c", "websocket"])
@pytest.mark.parametrize(
    ("start", "path", "subject"),
    [
        ("POST", FIND_SHOW, "tester"),
        ("POST", "/no.Such/Method", "tester"),
        ("POST", FIND_SHOW, None),
        ("GET", "/healthz", None),
    ],
    ids=["method", "unknown", "no token", "health"],
)
async def test_an_upgrade_ends_the_connection(
    gateway: Gateway,
    cuebot: ScriptedCuebot,
    protocol: str,
    start: str,
    path: str,
    subject: str | None,
) -> None:
    """An Upgrade is 400 with `Connection: close`, and what follows is nobody's request."""
    hidden = request(SHOWS, b"{}")
    lines = ("Connection: Upgrade", f"Upgrade: {protocol}", f"Content-Length: {len(hidden)}")
    async with wire(gateway) as one:
        await one.send(head(path, *lines, subject=subject, start=start))
        answer = await one.answer()
        assert (answer.status, answer.code) == (400, 3)
        assert answer.headers["connection"] == "close"
        with suppress(ConnectionError):
            await one.send(hidden)
        assert await one.rest() == b""
    assert cuebot.seen == []


@pytest.mark.parametrize("path", [FIND_SHOW, "/no.Such/Method", "/healthz"])
async def test_a_body_behind_an_upgrade_is_no_request(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str
) -> None:
    """A second request that follows an Upgrade without waiting for its answer is not read."""
    hidden = request(SHOWS, b"{}")
    lines = ("Connection: Upgrade", "Upgrade: h2c", f"Content-Length: {len(hidden)}")
    async with wire(gateway) as one:
        await one.send(head(path, *lines), hidden)
        answer = await one.answer()
        assert answer.status == 400
        assert await one.rest() == b""
    assert cuebot.seen == []


# --- methods, paths and versions --------------------------------------------------------------


async def test_health_answers_behind_two_slashes(gateway: Gateway) -> None:
    """A base URL that ends in a slash does not hide the health check."""
    async with wire(gateway) as one:
        await one.send(head("//healthz", subject=None, start="GET"))
        answer = await one.answer()
    assert (answer.status, answer.body) == (200, b'{"status":"ok"}')


async def test_long_answers_to_http_1_0_end_with_the_connection(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    """A client of HTTP/1.0 knows no chunks: it gets the same bytes, piece by piece, without."""
    cuebot.answers(GET_JOBS, jobs(3000))
    async with wire(gateway) as one:
        await one.send(request(GET_JOBS, b"{}").replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = await one.answer()
        assert await one.rest() == b""
    assert answer.status == 200
    assert "transfer-encoding" not in answer.headers
    assert len(answer.body) > MEGABYTE
    assert len(json.loads(answer.body)["jobs"]["jobs"]) == 3000


async def test_a_broken_answer_to_http_1_0_ends_in_a_reset(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    """Where the end of the connection is the end of the answer, a failure must look otherwise."""
    cuebot.answers(GET_JOBS, jobs(3000) + b"\x0a\x06\x0a\x04\x1a\x02\xff\xff")
    async with wire(gateway) as one:
        await one.send(request(GET_JOBS, b"{}").replace(b"HTTP/1.1", b"HTTP/1.0"))
        with pytest.raises(ConnectionResetError):
            await one.answer()


async def test_head_is_refused_without_a_body(gateway: Gateway) -> None:
    """HEAD on a method path is 405, and the next answer on the connection starts right after."""
    async with wire(gateway) as one:
        await one.send(head("/job.JobInterface/Kill", start="HEAD"))
        refused = await one.answer(bodiless=True)
        await one.send(request(SHOWS, b"{}"))
        answer = await one.answer()
    assert (refused.status, refused.headers["allow"]) == (405, "POST, OPTIONS")
    assert answer.status == 200


# --- one connection, several requests ---------------------------------------------------------


@pytest.mark.parametrize("size", [20, 60_000])
@pytest.mark.parametrize(
    ("path", "subject", "status"),
    [(SHOWS, None, 401), ("/no.Such/Method", "tester", 404), (SHOWS, "tester", 400)],
)
async def test_a_refusal_leaves_the_connection_usable(
    gateway: Gateway, path: str, subject: str | None, status: int, size: int
) -> None:
    """After a 401, 404 or 400 the next request on the connection is answered, and at once.

    So it is for bodies that are read to their end before the answer; see test_lingering.py.
    """
    async with wire(gateway) as one:
        await one.send(request(path, b"[" + b" " * size, subject=subject))
        refused = await one.answer()
        await one.send(request(SHOWS, b"{}", "X-Request-ID: second"))
        answer = await one.answer()
    assert refused.status == status
    assert "connection" not in refused.headers
    assert (answer.status, answer.headers["x-request-id"]) == (200, "second")


async def test_a_429_leaves_the_connection_usable(cuebot: ScriptedCuebot) -> None:
    """A client over its limit keeps its connection, though its body was not looked at."""
    async with gateway_for(cuebot.endpoint, rate_limit_rps=0.01) as limited, wire(limited) as one:
        body = b'{"x": "' + b" " * 60_000 + b'"}'
        await one.send(request(SHOWS, b"{}", subject="alice"))
        first = await one.answer()
        await one.send(request(SHOWS, body, subject="alice"))
        second = await one.answer()
        await one.send(request(SHOWS, b"{}", subject="bob"))
        third = await one.answer()
    assert [first.status, second.status, third.status] == [200, 429, 200]
    assert "connection" not in second.headers


async def test_pipelined_requests_are_answered_in_order(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    """Requests that come in one packet get their answers in turn, refusals among them."""
    cuebot.answers(GET_JOBS, jobs(3000))
    requests = [
        request(GET_JOBS, b"{}", "X-Request-ID: a"),
        request(SHOWS, b"{}", "X-Request-ID: b", subject=None),
        request(FIND_SHOW, b'{"name": "x"}', "X-Request-ID: c"),
        request("/no.Such/Method", b"{}", "X-Request-ID: d"),
        request(SHOWS, b"{}", "X-Request-ID: e"),
    ]
    async with wire(gateway) as one:
        await one.send(*requests)
        answers = [await one.answer() for _ in requests]
    found = [(answer.headers["x-request-id"], answer.status) for answer in answers]
    assert found == [("a", 200), ("b", 401), ("c", 200), ("d", 404), ("e", 200)]
    assert [path for path, _, _ in cuebot.seen] == [GET_JOBS, FIND_SHOW, SHOWS]


# --- bodies -----------------------------------------------------------------------------------


async def test_a_body_that_waits_to_be_asked_for(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """`Expect: 100-continue` gets its 100, and then the body is read."""
    body = b'{"name": "demo"}'
    async with wire(gateway) as one:
        await one.send(head(FIND_SHOW, f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert (await one.answer()).status == 100
        await one.send(body)
        assert (await one.answer()).status == 200
    assert cuebot.seen[0][1] == b"\x0a\x04demo"


async def test_a_body_that_is_too_large_is_not_asked_for(gateway: Gateway) -> None:
    """A client that waits for its 100 gets a 413 instead, and is not waited for."""
    async with wire(gateway) as one:
        await one.send(head(FIND_SHOW, "Content-Length: 6000000", "Expect: 100-continue"))
        answer = await one.answer()
        assert await one.rest() == b""
    assert (answer.status, answer.code) == (413, 8)
    assert answer.headers["connection"] == "close"


def blocking_post(
    port: int, size: int, media: str = "application/json", *, chunked: bool = False
) -> tuple[int, object]:
    """What a client sees that sends its whole body before it reads: the status and the code.

    If it cannot send all of it, it reads nevertheless, as urllib3, httpx and curl do.
    """
    headers = {"Authorization": f"Bearer {token()}", "Content-Type": media}
    if chunked:
        headers["Transfer-Encoding"] = "chunked"
    body = iter([b" " * MEGABYTE] * (size // MEGABYTE)) if chunked else b" " * size
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    with closing(client):
        with suppress(BrokenPipeError, ConnectionResetError):
            client.request("POST", SHOWS, body, headers, encode_chunked=chunked)
        answer = client.getresponse()
        return answer.status, json.loads(answer.read())["code"]


@pytest.mark.parametrize(
    ("size", "media", "chunked", "expected"),
    [
        (11 * MEGABYTE // 2, "application/json", False, (413, 8)),
        (3 * MEGABYTE, "multipart/form-data; boundary=x", False, (415, 3)),
        (5 * MEGABYTE, "application/json", True, (413, 8)),
    ],
    ids=["too large", "multipart", "chunks"],
)
async def test_a_client_that_sends_first_sees_the_refusal(
    gateway: Gateway, size: int, media: str, chunked: bool, expected: tuple[int, int]
) -> None:
    """A refused body is not read to its end, and still the answer is there before the reset."""
    for _ in range(5):
        found = await asyncio.to_thread(blocking_post, gateway.port, size, media, chunked=chunked)
        assert found == expected


async def test_a_body_at_its_end_is_not_waited_for(cuebot: ScriptedCuebot) -> None:
    """After the 413 for a body that has come whole, the connection is closed without a pause."""
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (20_000, b" " * 20_000)
    async with gateway_for(cuebot.endpoint, max_body_mb=0.01) as small, wire(small) as one:
        await one.send(head(SHOWS, "Transfer-Encoding: chunked"), chunk)
        answer = await one.answer()
        assert (answer.status, answer.code) == (413, 8)
        assert await one.rest() == b""


# --- stopping ---------------------------------------------------------------------------------


async def test_a_stop_answers_what_it_cannot_wait_for(cuebot: ScriptedCuebot) -> None:
    """A request that is still with Cuebot after SHUTDOWN_TIMEOUT gets the documented 503."""
    started = asyncio.Event()

    async def never(request: bytes, context: Context) -> bytes:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    cuebot.handlers[SHOWS] = never
    async with (
        gateway_for(cuebot.endpoint, shutdown_timeout=0.1) as stopping,
        wire(stopping) as one,
    ):
        await one.send(request(SHOWS, b"{}"))
        async with asyncio.timeout(PATIENCE):
            await started.wait()
        stopping.server.should_exit = True
        answer = await one.answer()
        assert await one.rest() == b""
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["connection"] == "close"
    assert answer.headers["retry-after"] == "1"
    assert json.loads(answer.body) == {
        "error": "UNAVAILABLE",
        "code": 14,
        "message": "the gateway is stopping",
    }
