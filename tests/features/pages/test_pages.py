"""The pages and what they load: who can see them, how they are cached, what they may do."""

import asyncio
import gzip
import re
from importlib.resources import files
from pathlib import Path

import httpx
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from gateway.core.codec.payload import zstd
from gateway.core.errors import ConfigurationError
from gateway.core.pipeline.content import Content
from gateway.core.pipeline.context import ClientGone
from gateway.features.pages import page_routes
from tests.support.contexts import context_of
from tests.support.needs import needs
from tests.support.opencue import opencue
from tests.support.rights import rule, signed
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    bearer,
    free_port,
    gateway_for,
    get,
    http_client,
)

pytestmark = pytest.mark.anyio

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
DATA = ("/openapi.json", "/openapi.yaml", "/panels.json", "/status.json")
SHELLS = ("/", "/docs")
SWAGGER_UI = ("/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css")
STATIC = files("gateway.features.pages").joinpath("static")
OWN = sorted(f"/page/{file.name}" for file in STATIC.iterdir() if not file.name.endswith(".html"))
ASSETS = (*SWAGGER_UI, "/page/page.js", "/page/page.css")
CODINGS = ("identity", "gzip", "zstd")
LATER = ("/page/log.js", "/page/gateway.js")
"""What is loaded when it is needed first."""
PAGE_MAX_BYTES = 100_000
"""Of the page at `/` with all that it loads before data."""


async def raw(
    gateway: Gateway, verb: str, path: str, coding: str, known: str = ""
) -> tuple[httpx.Headers, bytes]:
    """The headers and the body as it travels, for a browser that accepts this coding alone."""
    headers = {**BROWSER, "Accept-Encoding": coding, "If-None-Match": known}
    async with (
        http_client(gateway.url) as client,
        client.stream(verb, path, headers=headers) as answer,
    ):
        return answer.headers, b"".join([piece async for piece in answer.aiter_raw()])


def unpacked(coding: str, body: bytes) -> bytes:
    """What a body in this coding stands for."""
    if coding == "gzip":
        return gzip.decompress(body)
    return zstd.ZstdDecompressor().decompress(body) if coding == "zstd" else body


@pytest.mark.parametrize("path", DATA)
@needs("tokens")
async def test_data_needs_a_token(gateway: Gateway, path: str) -> None:
    refused = await get(gateway, path)
    assert (refused.status_code, refused.json()["error"]) == (401, "UNAUTHENTICATED")
    assert refused.headers["www-authenticate"].startswith("Bearer")
    wrong = await get(gateway, path, Authorization="Bearer e30.e30.e30")
    assert (wrong.status_code, wrong.json()["error"]) == (403, "PERMISSION_DENIED")
    assert (await get(gateway, path, **bearer())).status_code == 200


async def test_shells_tell_nothing(gateway: Gateway) -> None:
    for path in SHELLS:
        page = await get(gateway, path, **BROWSER)
        assert page.status_code == 200
        assert "Interface/" not in page.text
        assert gateway.catalog.schema.origin not in page.text


async def test_public_data_needs_no_token(public: Gateway) -> None:
    for path in DATA:
        assert (await get(public, path)).status_code == 200


@pytest.mark.gateway(docs="off")
@needs("tokens")
async def test_no_pages(gateway: Gateway) -> None:
    for path in (*DATA, *SHELLS, *ASSETS):
        assert (await get(gateway, path, **BROWSER)).status_code == 401
        answer = await get(gateway, path, **BROWSER, **bearer())
        assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("accept", ["application/json", "*/*", ""])
@needs("tokens")
async def test_the_root_is_a_page_for_browsers_only(gateway: Gateway, accept: str) -> None:
    assert (await get(gateway, "/", Accept=accept)).status_code == 401
    answer = await get(gateway, "/", Accept=accept, **bearer())
    assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")
    assert answer.json()["message"].startswith("/ is a page for browsers; methods are at /package.")
    page = await get(gateway, "/", **BROWSER)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "Accept" in page.headers["vary"].split(", ")


async def test_the_root_cannot_be_posted_to(gateway: Gateway) -> None:
    answer = await gateway.client.post("/", headers=BROWSER)
    assert answer.status_code == 404


@pytest.mark.parametrize("path", [*DATA, "/docs"])
async def test_pages_are_only_read(gateway: Gateway, path: str) -> None:
    answer = await gateway.post(path, {})
    assert (answer.status_code, answer.json()["error"]) == (405, "UNIMPLEMENTED")
    assert "GET" in answer.headers["allow"]


@needs("tokens", "rate_limits")
async def test_data_counts_like_a_call(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, rate_limit_rps=0.001, rate_limit_burst=2) as gateway:
        first = await get(gateway, "/openapi.json", **bearer())
        assert first.headers["x-ratelimit-remaining"] == "1"
        await gateway.post("/show.ShowInterface/GetShows")
        assert (await get(gateway, "/openapi.json", **bearer())).status_code == 429
        assert (await get(gateway, "/docs")).status_code == 200
        assert (await get(gateway, "/openapi.json")).status_code == 401
        assert (await get(gateway, "/", **BROWSER)).status_code == 429


@pytest.mark.parametrize("path", ["/openapi.json", "/openapi.yaml", *ASSETS, *SHELLS])
async def test_what_a_client_has_is_not_sent_again(public: Gateway, path: str) -> None:
    whole = await get(public, path, **BROWSER)
    etag = whole.headers["etag"]
    for known in (etag, f"W/{etag}", f'"x", {etag}', "*"):
        again = await get(public, path, **BROWSER, **{"If-None-Match": known})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == etag
    other = await get(public, path, **BROWSER, **{"If-None-Match": '"x"'})
    assert (other.status_code, other.content) == (200, whole.content)


@needs("compression")
@pytest.mark.parametrize("path", ["/openapi.json", "/openapi.yaml", *ASSETS])
async def test_each_coding_is_a_representation_of_its_own(public: Gateway, path: str) -> None:
    etags = set()
    whole = await raw(public, "GET", path, "identity")
    for coding in CODINGS:
        head, body = await raw(public, "GET", path, coding)
        assert head.get("content-encoding", "identity") == coding
        assert unpacked(coding, body) == whole[1]
        assert coding == "identity" or len(body) < len(whole[1]) / 2
        assert "Accept-Encoding" in head["vary"]
        etags.add(head["etag"])
        again, nothing = await raw(public, "GET", path, coding, head["etag"])
        assert (again.get("vary"), nothing) == (head["vary"], b"")
        again, other = await raw(public, "GET", path, coding, whole[0]["etag"])
        assert (other == b"") == (coding == "identity")
    assert len(etags) == 3


@pytest.mark.parametrize("path", [*DATA, *ASSETS, *SHELLS])
async def test_head_is_get_without_the_body(public: Gateway, path: str) -> None:
    for coding in CODINGS:
        head, nothing = await raw(public, "HEAD", path, coding)
        whole, body = await raw(public, "GET", path, coding)
        assert nothing == b""
        for name in ("content-type", "content-length", "content-encoding", "vary"):
            assert head.get(name) == whole.get(name)
        if path != "/status.json":
            assert int(head["content-length"]) == len(body)
            assert head["etag"] == whole["etag"]


@pytest.mark.parametrize("path", DATA)
@needs("tokens")
async def test_only_public_data_is_cached(gateway: Gateway, public: Gateway, path: str) -> None:
    given = await get(gateway, path, **bearer())
    assert given.headers.get_list("cache-control") == ["no-store"]
    assert (await get(public, path)).headers.get_list("cache-control") == ["no-cache"]


async def test_without_a_schema_there_is_no_document() -> None:
    async with gateway_for(
        f"127.0.0.1:{free_port()}", docs="public", descriptor_source="reflection", ready=False
    ) as gateway:
        answer = await get(gateway, "/openapi.json")
        assert (answer.status_code, answer.json()["error"]) == (503, "UNAVAILABLE")
        assert answer.headers["retry-after"] == "1"
        status = (await get(gateway, "/status.json")).json()
        assert status["schema"] is None
        assert status["cuebot"]["usable"] == 0
        assert (await get(gateway, "/", **BROWSER)).status_code == 200


EVERYWHERE = ("/readyz", "/healthz", "/metrics", *DATA, *SHELLS)


@needs("metrics", "tokens", "access")
@pytest.mark.parametrize("docs", ["public", "token", "off"])
@pytest.mark.parametrize("reachable", [True, False])
async def test_nobody_is_told_where_things_are(
    cuebot: ScriptedCuebot, tmp_path: Path, docs: str, reachable: bool
) -> None:
    file = tmp_path / "descriptors.binpb"
    file.write_bytes(FileDescriptorSet(file=opencue().files).SerializeToString())
    endpoint = cuebot.endpoint if reachable else f"127.0.0.1:{free_port()}"
    access = [
        rule("lena", {"sub": "lena"}, "reads", "status"),
        rule("reader", {"sub": "tom"}, "reads"),
        rule("none", {"sub": "kim"}),
    ]
    async with gateway_for(
        endpoint, docs=docs, metrics="public", descriptor_source=str(file), access=access
    ) as gateway:
        live = gateway.app.parts.live
        file.write_bytes(b"no descriptors any more")
        assert not await live.attempt()
        assert str(file) in live.history.problem
        for path in EVERYWHERE:
            for headers in ({}, bearer("tom"), bearer("kim"), {"Authorization": "Bearer x.y.z"}):
                answer = await get(gateway, path, **headers, **BROWSER)
                for secret in (endpoint, str(file), "binpb"):
                    assert secret not in answer.text, path
        if docs != "off":
            status = await get(gateway, "/status.json", **bearer("lena"))
            assert endpoint in status.text
            assert str(file) in status.json()["problem"]
        call = await gateway.post("/show.ShowInterface/GetShows", headers=bearer("lena"))
        assert call.status_code == (200 if reachable else 503)
        assert endpoint not in call.text


@needs("tokens", "access")
async def test_readers_see_the_panels_that_they_may_call(cuebot: ScriptedCuebot) -> None:
    access = [rule("reads", {"role": "a"}, "reads"), rule("shows", {}, "show.ShowInterface/*")]
    async with gateway_for(cuebot.endpoint, access=access) as gateway:
        all_ = (await gateway.client.get("/panels.json", headers=signed("a", role="a"))).json()
        some = (await gateway.client.get("/panels.json", headers=signed("x"))).json()
    shows, *others = all_["panels"]
    assert shows["id"] == "shows"
    leads = ["jobs-of-show", "failing-jobs-of-show", "subscriptions"]
    assert [each["panel"] for each in shows["leads"]] == leads
    assert others
    assert (shows["actions"], all_["destroys"]) == ([], [])
    assert [each["id"] for each in some["panels"]] == ["shows", "subscriptions"]
    assert [each["panel"] for each in some["panels"][0]["leads"]] == ["subscriptions"]
    assert len(some["panels"][0]["actions"]) == 3
    assert some["destroys"] == ["/show.ShowInterface/Delete"]
    assert {each["method"] for each in some["completions"]} == {
        "/show.ShowInterface/GetActiveShows"
    }


@pytest.mark.parametrize("path", SHELLS)
async def test_pages_may_do_little(gateway: Gateway, path: str) -> None:
    headers = (await get(gateway, path, **BROWSER)).headers
    directives = dict(
        part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";")
    )
    assert directives["default-src"] == "'none'"
    assert directives["frame-ancestors"] == "'none'"
    assert directives["connect-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert directives["script-src"] == directives["style-src"] == "'self'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


async def test_the_page_is_small(gateway: Gateway) -> None:
    loaded = [path for path in OWN if "docs" not in path and path not in LATER]
    bodies = [(await get(gateway, path, **BROWSER)).content for path in ("/", *loaded)]
    assert len(bodies) > 5
    assert sum(map(len, bodies)) < PAGE_MAX_BYTES


async def test_every_file_of_the_pages_is_served(gateway: Gateway) -> None:
    for path in (*OWN, *SWAGGER_UI):
        answer = await get(gateway, path, **BROWSER)
        kind = "javascript" if path.endswith(".js") else "css"
        assert (answer.status_code, kind in answer.headers["content-type"]) == (200, True), path


@pytest.mark.parametrize("name", sorted(file.name for file in STATIC.iterdir()))
def test_pages_load_nothing_from_elsewhere(name: str) -> None:
    text = STATIC.joinpath(name).read_text(encoding="utf-8")
    assert "//" not in re.sub(r"^\s*//.*|  // .*", "", text, flags=re.MULTILINE)
    assert not re.search(r"<[^>]+\s(style|on\w+)=", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)|<style", text)
    assert "localStorage" not in text
    assert "document.cookie" not in text
    assert "innerHTML" not in text


def test_without_swagger_ui_startup_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_routes, "PACKAGE", "no_such_package_anywhere")
    with pytest.raises(ConfigurationError, match="DOCS=off"):
        page_routes.docs_contents("token")


async def test_a_client_that_does_not_read_is_disconnected() -> None:
    context = context_of("/", method="GET")

    async def never(message: object) -> None:
        await asyncio.Event().wait()

    with pytest.raises(ClientGone):
        await Content(b"x", "text/plain").send({"context": context}, never, 0)
