"""HTTP/1.1 as bytes on a socket: trailers, keep-alive, and bodies that are refused."""

import asyncio
import http.client
import json
from contextlib import closing, suppress

import pytest

from tests.support.needs import needs
from tests.support.opencue import jobs
from tests.support.patience import PATIENCE
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for, head, token
from tests.support.wire import request, wire

pytestmark = [pytest.mark.anyio, pytest.mark.gateway(max_body_mb=0.5, http_timeout=3600)]

SHOWS = "/show.ShowInterface/GetShows"
FIND_SHOW = "/show.ShowInterface/FindShow"
GET_JOBS = "/job.JobInterface/GetJobs"
MEGABYTE = 2**20


# --- headers --------------------------------------------------------------------------------
@needs("server", "tokens")
async def test_trailers_change_nothing(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """Neither the caller nor the request id is taken from a trailer, also without a header."""
    trailers = f"0\r\nAuthorization: Bearer {token('bob')}\r\nX-Request-ID: theirs\r\n\r\n"
    async with wire(gateway) as one:
        start = head(SHOWS, "Transfer-Encoding: chunked", subject="alice")
        await one.send(start, b"2\r\n{}\r\n", trailers.encode())
        answer = await one.answer()
    assert (answer.status, answer.headers["x-request-id"] != "theirs") == (200, True)
    ((_, _, told),) = cuebot.seen
    assert told["x-gateway-principal"] == "alice"
    assert told["x-request-id"] == answer.headers["x-request-id"]


@needs("tokens")
async def test_two_tokens_are_none(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    """A request with two Authorization headers is 401: nobody has to guess which one counts."""
    second = f"Authorization: Bearer {token('bob')}"
    async with wire(gateway) as one:
        await one.send(request(SHOWS, b"{}", second, subject="alice"))
        answer = await one.answer()
    assert (answer.status, answer.code) == (401, 16)
    assert cuebot.seen == []


# --- HTTP/1.0 ---


@needs("server")
async def test_long_answers_to_http_1_0(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_JOBS, jobs(3000))
    async with wire(gateway) as one:
        await one.send(request(GET_JOBS, b"{}").replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = await one.answer()
        assert await one.rest() == b""
    assert answer.status == 200
    assert "transfer-encoding" not in answer.headers
    assert len(answer.body) > MEGABYTE
    assert len(json.loads(answer.body)["jobs"]["jobs"]) == 3000


@needs("server")
async def test_a_broken_answer_to_http_1_0(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_JOBS, jobs(3000) + b"\x0a\x06\x0a\x04\x1a\x02\xff\xff")
    async with wire(gateway) as one:
        await one.send(request(GET_JOBS, b"{}").replace(b"HTTP/1.1", b"HTTP/1.0"))
        with pytest.raises(ConnectionResetError):
            await one.answer()


# --- one connection, several requests ---------------------------------------------------------
@pytest.mark.parametrize("size", [20, 60_000])
@pytest.mark.parametrize(
    ("path", "subject", "status"),
    [
        pytest.param(SHOWS, None, 401, marks=needs("tokens")),
        ("/no.Such/Method", "tester", 404),
        (SHOWS, "tester", 400),
    ],
)
async def test_a_refusal_leaves_the_connection_usable(
    gateway: Gateway, path: str, subject: str | None, status: int, size: int
) -> None:
    async with wire(gateway) as one:
        await one.send(request(path, b"[" + b" " * size, subject=subject))
        refused = await one.answer()
        await one.send(request(SHOWS, b"{}", "X-Request-ID: second"))
        answer = await one.answer()
    assert refused.status == status
    assert "connection" not in refused.headers
    assert (answer.status, answer.headers["x-request-id"]) == (200, "second")


@needs("tokens")
async def test_pipelined_answers_in_order(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
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
    for _ in range(5):
        found = await asyncio.to_thread(blocking_post, gateway.port, size, media, chunked=chunked)
        assert found == expected


async def test_a_body_at_its_end_is_not_waited_for(cuebot: ScriptedCuebot) -> None:
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (20_000, b" " * 20_000)
    async with gateway_for(cuebot.endpoint, max_body_mb=0.01) as small, wire(small) as one:
        await one.send(head(SHOWS, "Transfer-Encoding: chunked"), chunk)
        answer = await one.answer()
        assert (answer.status, answer.code) == (413, 8)
        assert await one.rest() == b""
