"""CORS: what a browser is told, by a gateway that lists origins, one that takes all, and one
without."""

import grpc
import httpx
import pytest

from gateway.core.errors import ConfigurationError
from gateway.core.pipeline.header_names import together
from gateway.features import FEATURES
from gateway.features.settings import load_settings
from tests.support.needs import needs
from tests.support.servers import (
    SECRET,
    Gateway,
    ScriptedCuebot,
    SharedGateway,
    gateway_for,
    http_client,
)

pytestmark = pytest.mark.anyio

PAGE = "https://cueweb.example.com"
OTHER = "http://localhost:3000"
STRANGER = "https://cueweb.example.com.evil.example"
SHOWS = "/show.ShowInterface/GetShows"
FIND_SHOW = "/show.ShowInterface/FindShow"
UNKNOWN = "/no.SuchInterface/GetNothing"
KNOWN = together(each.headers for each in FEATURES)
REQUEST_HEADERS, EXPOSED_HEADERS = KNOWN.read, sorted(KNOWN.answered)


@pytest.fixture
def cuebot(cuebot: ScriptedCuebot) -> ScriptedCuebot:
    """FindShow fails, everything else is answered."""
    cuebot.fails(FIND_SHOW, grpc.StatusCode.INTERNAL, "oh no")
    return cuebot


@pytest.fixture
async def listing(cuebot: ScriptedCuebot, shared_gateway: SharedGateway) -> Gateway:
    """A gateway that lists the pages that may read its answers."""
    cors = {"cors_origins": [PAGE, OTHER], "cors_headers": ["X-Studio-Site"]}
    return await shared_gateway(cuebot.endpoint, max_body_mb=0.01, **cors)


@pytest.fixture
async def open_to_all(cuebot: ScriptedCuebot, shared_gateway: SharedGateway) -> Gateway:
    """A gateway whose answers every page may read."""
    return await shared_gateway(cuebot.endpoint, cors_origins="*")


async def preflight(
    gateway: Gateway,
    path: str = SHOWS,
    *,
    origin: str = PAGE,
    method: str = "POST",
    headers: str | None = "authorization,content-type",
    **more: str,
) -> httpx.Response:
    """What a browser sends before it sends a request: no token is in it."""
    given = {"Origin": origin, "Access-Control-Request-Method": method, **more}
    if headers is not None:
        given["Access-Control-Request-Headers"] = headers
    async with http_client(gateway.url) as browser:
        return await browser.options(path, headers=given)


def names(value: str) -> set[str]:
    """The words of a list in a header, in lower case."""
    return {word.strip().lower() for word in value.split(",")}


def vary(answer: httpx.Response) -> list[str]:
    """What an answer depends on, however many headers say so."""
    return [word.strip() for line in answer.headers.get_list("vary") for word in line.split(",")]


# --- preflights -----------------------------------------------------------------------------
@pytest.mark.parametrize("origin", [PAGE, OTHER])
@pytest.mark.parametrize("path", [SHOWS, UNKNOWN, "/healthz"])
async def test_a_preflight_needs_no_token(listing: Gateway, path: str, origin: str) -> None:
    answer = await preflight(
        listing, path, origin=origin, headers=",".join(REQUEST_HEADERS).lower()
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == origin
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert names(",".join(REQUEST_HEADERS)) <= names(answer.headers["access-control-allow-headers"])
    assert "x-studio-site" in names(answer.headers["access-control-allow-headers"])
    assert answer.headers["access-control-max-age"] == "7200"
    assert "Origin" in vary(answer)
    assert "access-control-allow-credentials" not in answer.headers
    assert "content-type" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"


@needs("tokens")
async def test_other_preflights(listing: Gateway) -> None:
    """For a header of the studio, and from a public network: whether it may reach a private network
    is left without an answer. However long an origin is, the answer is short."""
    answer = await preflight(listing, headers="content-type, x-studio-site")
    assert answer.status_code == 204
    answer = await preflight(listing, **{"Access-Control-Request-Private-Network": "true"})
    assert answer.status_code == 204
    assert "access-control-allow-private-network" not in answer.headers
    assert len((await preflight(listing, origin="https://" + "x" * 20_000)).content) < 300


@pytest.mark.gateway(cors_origins=[PAGE], cors_headers="*")
async def test_any_header_may_be_allowed(gateway: Gateway) -> None:
    """`CORS_HEADERS=*` allows what is asked, by name: a `*` would not stand for Authorization."""
    answer = await preflight(gateway, headers="authorization,x-whatever")
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-headers"] == "authorization,x-whatever"


@pytest.mark.parametrize(
    ("asked", "word"),
    [
        ({"origin": STRANGER}, "CORS_ORIGINS"),
        ({"origin": "null"}, "CORS_ORIGINS"),
        ({"origin": PAGE + "/"}, "CORS_ORIGINS"),
        ({"method": "DELETE"}, "POST"),
        ({"headers": "x-else"}, "CORS_HEADERS"),
    ],
    ids=lambda value: str(value),
)
async def test_refusals_say_why(listing: Gateway, asked: dict[str, str], word: str) -> None:
    answer = await preflight(listing, **asked)
    assert (answer.status_code, answer.json()["error"]) == (403, "PERMISSION_DENIED")
    assert word in answer.json()["message"]
    assert "access-control-allow-origin" not in answer.headers
    assert "access-control-allow-methods" not in answer.headers


@needs("rate_limits")
async def test_preflights_are_counted_against_nobody(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(
        cuebot.endpoint, rate_limit_rps=0.01, rate_limit_burst=1, cors_origins=[PAGE]
    ) as limited:
        for _ in range(3):
            assert (await preflight(limited, headers="content-type")).status_code == 204
            assert (await preflight(limited, origin=STRANGER)).status_code == 403
        answer = await limited.post(SHOWS, {}, headers={"Origin": PAGE})
        refused = await limited.post(SHOWS, {}, headers={"Origin": PAGE})
    assert (answer.status_code, refused.status_code) == (200, 429)
    assert refused.headers["access-control-allow-origin"] == PAGE
    assert {"retry-after", "x-ratelimit-limit"} <= names(
        refused.headers["access-control-expose-headers"]
    ) & {name.lower() for name in refused.headers}


# --- answers --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (200, {"url": SHOWS, "content": b"{}"}),
        (400, {"url": SHOWS, "content": b"["}),
        pytest.param(401, {"url": SHOWS, "headers": {"Authorization": ""}}, marks=needs("tokens")),
        pytest.param(
            403,
            {"url": SHOWS, "headers": {"Authorization": "Bearer eyJhbGciOiJIUzI1NiJ9.e30.e30"}},
            marks=needs("tokens"),
        ),
        (404, {"url": UNKNOWN}),
        (405, {"url": SHOWS, "method": "PUT"}),
        pytest.param(405, {"url": "/healthz"}, marks=needs("health")),
        (413, {"url": SHOWS, "content": b" " * 20_000}),
        (415, {"url": SHOWS, "headers": {"Content-Type": "image/png"}}),
        (500, {"url": FIND_SHOW, "content": b"{}"}),
        pytest.param(200, {"url": "/healthz", "method": "GET"}, marks=needs("health")),
        (204, {"url": SHOWS, "method": "OPTIONS"}),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_pages_read_answers(
    listing: Gateway, status: int, request_: dict[str, object]
) -> None:
    given = {"method": "POST", **request_}
    headers = {"Origin": PAGE, **given.pop("headers", {})}  # type: ignore[dict-item]
    answer = await listing.client.request(**given, headers=headers)  # type: ignore[arg-type]
    assert answer.status_code == status
    assert answer.headers.get_list("access-control-allow-origin") == [PAGE]
    assert answer.headers["access-control-expose-headers"] == ", ".join(EXPOSED_HEADERS)
    assert vary(answer).count("Origin") == 1


async def test_a_page_can_read_that_there_is_no_cuebot() -> None:
    async with gateway_for("127.0.0.1:1", cors_origins=[PAGE], ready=False) as gateway:
        answer = await gateway.post(SHOWS, {}, headers={"Origin": PAGE})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (503, PAGE)


async def test_pages_read_failures(listing: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.pipeline.request.check_headers", None)
    answer = await listing.post(SHOWS, {}, headers={"Origin": PAGE})
    assert (answer.status_code, answer.json()["error"]) == (500, "INTERNAL")
    assert answer.headers["access-control-allow-origin"] == PAGE


@pytest.mark.parametrize(
    "origin", [STRANGER, "null", PAGE.upper(), PAGE + ":8443", "\x80", None], ids=str
)
async def test_a_strange_page_gets_an_answer_it_cannot_read(
    listing: Gateway, origin: str | None
) -> None:
    """Another origin, or none, is answered, since only the browser keeps the answer from it."""
    headers = {} if origin is None else {"Origin": origin.encode("latin-1")}
    answer = await listing.post(SHOWS, {}, headers=headers)
    assert answer.status_code == 200
    shown = [name for name in answer.headers if name.startswith("access-control-allow")]
    assert (shown, vary(answer).count("Origin")) == ([], 1)
    assert origin is not None or "access-control-expose-headers" not in answer.headers


async def test_every_page_may_read(open_to_all: Gateway) -> None:
    """With `*` the answer is the same for all, so that it depends on nothing."""
    answer = await open_to_all.post(SHOWS, {}, headers={"Origin": STRANGER})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-expose-headers"] == ", ".join(EXPOSED_HEADERS)
    assert "Origin" not in vary(answer)


async def test_it_is_off_unless_set(gateway: Gateway) -> None:
    answer = await gateway.post(SHOWS, {}, headers={"Origin": PAGE})
    asked = await preflight(gateway)
    assert answer.status_code == 200
    assert (asked.status_code, asked.headers["allow"]) == (204, "GET, HEAD, POST, OPTIONS")
    for one in (answer, asked):
        assert not [name for name in one.headers if name.startswith("access-control")]
        assert "Origin" not in vary(one)


# --- settings -------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("*", ("*",)),
        (f"{PAGE}, {OTHER}", (PAGE, OTHER)),
        ("HTTPS://CueWeb.Example.com", (PAGE,)),
        ("https://cueweb.example.com:443", (PAGE,)),
        ("http://cueweb:80", ("http://cueweb",)),
        ("http://cueweb:443", ("http://cueweb:443",)),
        ("http://[::1]:3000", ("http://[::1]:3000",)),
        ("chrome-extension://abcdef", ("chrome-extension://abcdef",)),
    ],
)
@pytest.mark.parametrize("variable", ["CORS_ORIGINS", "CORS_ALLOWED_ORIGINS"])
def test_origins(variable: str, given: str, expected: tuple[str, ...]) -> None:
    """Origins are kept as browsers write them."""
    assert load_settings({"JWT_SECRET": SECRET, variable: given}).cors_origins == expected


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("https://cueweb.example.com/", "slash"),
        *((f"https://{host}", "scheme://host") for host in ("a.b/jobs", "*.a.b", "me@a.b", "aü.b")),
        *((f"https://a.b:{port}", "scheme://host") for port in ("99999", "")),
        *((given, "scheme://host") for given in ("cueweb.example.com", "null")),
    ],
)
def test_what_no_browser_would_send_stops_startup(given: str, word: str) -> None:
    with pytest.raises(ConfigurationError, match=word) as caught:
        load_settings({"JWT_SECRET": SECRET, "CORS_ORIGINS": f"{OTHER},{given}"})
    assert str(caught.value).startswith("CORS_ORIGINS[1]: ")
    assert repr(given) in str(caught.value)


def test_a_header_that_cannot_be_one_stops_startup() -> None:
    with pytest.raises(ConfigurationError, match=r"CORS_HEADERS\[0\].*X-Studio-Site"):
        load_settings({"JWT_SECRET": SECRET, "CORS_HEADERS": "X Studio"})
