"""OPTIONS and HEAD on every path, and the headers that every answer has."""

from typing import Any

import httpx
import pytest

from tests.support.needs import needs
from tests.support.servers import Gateway, ScriptedCuebot, gateway_for, head, http_client
from tests.support.wire import wire

pytestmark = pytest.mark.anyio

SHOWS = "/show.ShowInterface/GetShows"
KILL = "/job.JobInterface/Kill"
UNKNOWN = "/no.SuchInterface/GetNothing"
METHOD_PATHS = (SHOWS, UNKNOWN, "/job.JobInterface", "/healthz/", "/grpc.health.v1.Health/X")


def telling(answer: httpx.Response) -> dict[str, str]:
    """The headers of an answer without those that are different each time."""
    return {
        name: value
        for name, value in answer.headers.items()
        if name not in ("date", "x-request-id", "server-timing")
    }


def with_health(*values: object) -> Any:
    """A case that needs a page of health."""
    return pytest.param(*values, marks=needs("health"))


def with_tokens(*values: object) -> Any:
    """A case whose caller has none, or a wrong one."""
    return pytest.param(*values, marks=needs("tokens"))


# --- OPTIONS --------------------------------------------------------------------------------
@pytest.mark.parametrize("path", METHOD_PATHS)
async def test_options_of_any_path_is_the_same(gateway: Gateway, path: str) -> None:
    async with http_client(gateway.url) as anybody:
        answer = await anybody.options(path)
        other = await anybody.options("/some.Other/Path")
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["allow"] == "GET, HEAD, POST, OPTIONS"
    assert "content-length" not in answer.headers
    assert "transfer-encoding" not in answer.headers
    assert telling(answer) == telling(other)


@pytest.mark.parametrize(
    "path",
    [
        *(with_health(each) for each in ("/healthz", "/readyz", "//healthz")),
        pytest.param("/docs", marks=needs("pages")),
        pytest.param("/openapi.json", marks=needs("openapi")),
    ],
)
async def test_options_of_a_page(gateway: Gateway, path: str) -> None:
    """Health checks and pages say that they are read."""
    answer = await gateway.client.options(gateway.url + path)
    assert (answer.status_code, answer.headers["allow"]) == (204, "GET, HEAD, OPTIONS")


@pytest.mark.parametrize(("path", "verb"), [with_health("/healthz", "POST"), (SHOWS, "PUT")])
async def test_a_405_allows_what_options_says(gateway: Gateway, path: str, verb: str) -> None:
    refused = await gateway.client.request(verb, path)
    asked = await gateway.client.options(path)
    assert refused.status_code == 405
    allowed = set(asked.headers["allow"].split(", "))
    assert set(refused.headers["allow"].split(", ")) == allowed
    message = refused.json()["message"]
    assert verb in message
    assert ("use GET" if path == "/healthz" else "use POST") in message


async def test_options_of_the_server(gateway: Gateway) -> None:
    """`OPTIONS *`, which is no path, is answered like any path (RFC 9110 section 9.3.7)."""
    async with wire(gateway) as one:
        await one.send(head("*", start="OPTIONS", subject=None))
        answer = await one.answer(bodiless=True)
        assert (answer.status, answer.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")


async def test_options_is_counted_against_nobody(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, rate_limit_rps=0.01, rate_limit_burst=1) as limited:
        for _ in range(3):
            answer = await limited.client.options(SHOWS)
            assert answer.status_code == 204
            assert "x-ratelimit-limit" not in answer.headers
        assert (await limited.post(SHOWS, {})).status_code == 200


async def test_options_with_a_body_leaves_the_connection_usable(gateway: Gateway) -> None:
    answer = await gateway.client.request("OPTIONS", SHOWS, content=b" " * 300_000)
    assert answer.status_code == 204
    assert (await gateway.post(SHOWS, {})).status_code == 200


# --- HEAD -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("path", "authorization", "status"),
    [
        *(with_health(path, None, 200) for path in ("/healthz", "/readyz", "//healthz")),
        *((KILL, None, 405), (UNKNOWN, None, 404)),
        *(with_tokens(path, "", 401) for path in (SHOWS, UNKNOWN)),
    ],
)
async def test_head(gateway: Gateway, path: str, authorization: str | None, status: int) -> None:
    """As a GET, without its body."""
    headers = {} if authorization is None else {"Authorization": authorization}
    url = gateway.url + path
    bare = await gateway.client.head(url, headers=headers)
    get = await gateway.client.get(url, headers=headers)
    assert (bare.status_code, bare.content) == (status, b"")
    assert int(bare.headers.pop("content-length")) > 0
    assert len(get.content) == int(get.headers.pop("content-length"))
    assert telling(bare) == telling(get)


# --- headers of every answer ------------------------------------------------------------------
@pytest.mark.parametrize(
    ("verb", "path", "authorization", "status"),
    [
        *(("POST", SHOWS, None, 200), ("POST", UNKNOWN, None, 404), ("PUT", SHOWS, None, 405)),
        with_tokens("POST", SHOWS, "", 401),
        with_tokens("POST", SHOWS, "Bearer a.b.c", 401),
        with_tokens("GET", "/", "", 401),
        *(("GET", KILL, None, 405), ("OPTIONS", SHOWS, "", 204)),
        with_health("POST", "/readyz", "", 405),
        with_health("GET", "/healthz", "", 200),
        with_health("GET", "/readyz", "", 200),
    ],
)
async def test_headers_of_every_answer(
    gateway: Gateway, verb: str, path: str, authorization: str | None, status: int
) -> None:
    """It is neither guessed at nor stored, and has the request's id and times; each header once."""
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = await gateway.client.request(verb, path, headers=headers | {"X-Request-ID": "mine"})
    assert answer.status_code == status
    expected = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
    for name, value in (expected | {"x-request-id": "mine"}).items():
        assert answer.headers.get_list(name) == [value]
    assert len(answer.headers.get_list("server-timing")) == 1
