"""The pages and what they load: who can see them, how they are cached, what they may do."""

import asyncio
import gzip
import re
import time
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from gateway.core.codec.payload import zstd
from gateway.core.errors import ConfigurationError, unavailable
from gateway.core.pipeline.content import Content
from gateway.core.pipeline.context import ClientGone
from gateway.core.refusals import Refusals
from gateway.core.schema.selection import Selection
from gateway.features.catalog import load_profile
from gateway.features.openapi import documents
from gateway.features.openapi.document import build_document
from gateway.features.pages import page_routes
from tests.support.contexts import context_of
from tests.support.events import EVENTS
from tests.support.needs import needs
from tests.support.openapi import document, validator
from tests.support.opencue import opencue
from tests.support.patience import PATIENCE
from tests.support.rights import rule, signed
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    SharedGateway,
    bearer,
    free_port,
    gateway_for,
    http_client,
    running_cuebot,
)
from tests.support.two_versions import NEW, OLD, ChangingCuebot

pytestmark = pytest.mark.anyio

BROWSER = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
DATA = ("/openapi.json", "/openapi.yaml", "/panels.json", "/status.json")
SHELLS = ("/", "/docs")
SWAGGER_UI = ("/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css")
STATIC = files("gateway.features.pages").joinpath("static")
OWN = sorted(f"/page/{file.name}" for file in STATIC.iterdir() if not file.name.endswith(".html"))
ASSETS = (*SWAGGER_UI, "/page/page.js", "/page/page.css")
CODINGS = ("identity", "gzip", "zstd")
PAGE_MAX_BYTES = 100_000
"""Of the page at `/` with all that it loads before data."""


@pytest.fixture
async def public(cuebot: ScriptedCuebot, shared_gateway: SharedGateway) -> Gateway:
    """A gateway with public pages; `gateway` has the default, DOCS=token."""
    return await shared_gateway(cuebot.endpoint, docs="public")


async def get(gateway: Gateway, path: str, **headers: str) -> httpx.Response:
    """GET without a token, unless the headers have one."""
    async with http_client(gateway.url) as client:
        return await client.get(path, headers=headers)


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
async def test_no_pages(gateway: Gateway) -> None:
    for path in (*DATA, *SHELLS, *ASSETS):
        assert (await get(gateway, path, **BROWSER)).status_code == 401
        answer = await get(gateway, path, **BROWSER, **bearer())
        assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("accept", ["application/json", "*/*", ""])
async def test_the_root_is_a_page_for_browsers_only(gateway: Gateway, accept: str) -> None:
    assert (await get(gateway, "/", Accept=accept)).status_code == 401
    answer = await get(gateway, "/", Accept=accept, **bearer())
    assert (answer.status_code, answer.json()["error"]) == (404, "NOT_FOUND")
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


async def test_data_counts_like_a_call(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(cuebot.endpoint, rate_limit_rps=0.001, rate_limit_burst=2) as gateway:
        first = await get(gateway, "/openapi.json", **bearer())
        assert first.headers["x-ratelimit-remaining"] == "1"
        await gateway.post("/show.ShowInterface/GetShows")
        assert (await get(gateway, "/openapi.json", **bearer())).status_code == 429
        assert (await get(gateway, "/docs")).status_code == 200
        assert (await get(gateway, "/openapi.json")).status_code == 401
        assert (await get(gateway, "/", **BROWSER)).status_code == 429


async def test_both_formats_are_the_document(public: Gateway) -> None:
    json, text = await get(public, "/openapi.json"), await get(public, "/openapi.yaml")
    assert json.headers["content-type"] == "application/json"
    assert text.headers["content-type"] == "application/yaml"
    paths = document()["paths"].keys()
    assert json.json()["paths"].keys() == paths
    assert {*re.findall(r"^  (/\S+):$", text.text, re.MULTILINE)} == paths


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


@needs("compression")
async def test_a_short_document_is_not_compressed(public: Gateway) -> None:
    head, body = await raw(public, "GET", "/status.json", "gzip")
    assert "content-encoding" not in head
    assert head["vary"] == "Accept-Encoding"
    assert orjson.loads(body)["version"]


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
async def test_only_public_data_is_cached(gateway: Gateway, public: Gateway, path: str) -> None:
    given = await get(gateway, path, **bearer())
    assert given.headers.get_list("cache-control") == ["no-store"]
    assert (await get(public, path)).headers.get_list("cache-control") == ["no-cache"]


@pytest.mark.gateway(docs="public", unknown_fields="ignore")
async def test_unknown_fields_that_are_all_ignored_are_no_errors(gateway: Gateway) -> None:
    text = (await get(gateway, "/openapi.json")).text
    assert '"additionalProperties":false' not in text
    assert '"additionalProperties":false' in orjson.dumps(document()).decode()


async def test_the_document_follows_the_schema() -> None:
    async with running_cuebot(ChangingCuebot()) as cuebot:
        assert isinstance(cuebot, ChangingCuebot)
        async with gateway_for(cuebot.endpoint, docs="public") as gateway:
            old = await get(gateway, "/openapi.json")
            cuebot.now = NEW
            assert await gateway.app.parts.live.attempt()
            new = await get(gateway, "/openapi.json", **{"If-None-Match": old.headers["etag"]})
            text = await get(gateway, "/openapi.yaml")
    assert new.status_code == 200
    for answer, version, other in ((old, OLD, NEW), (new, NEW, OLD), (text, NEW, OLD)):
        assert version.own_path in answer.text
        assert other.own_path not in answer.text
        assert version.tag in answer.text


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


async def test_the_status_tells_what_is_connected(public: Gateway, cuebot: ScriptedCuebot) -> None:
    status = (await get(public, "/status.json", **bearer())).json()
    status["cuebot"]["states"][0].pop("latency")
    catalog = public.catalog
    assert status["cuebot"] == {
        "endpoints": [cuebot.endpoint],
        "of": 1,
        "usable": 1,
        "states": [{"endpoint": cuebot.endpoint, "state": "answers", "reason": ""}],
    }
    assert status["load"] == {"inFlight": 0, "most": 256, "long": 0, "longLimit": 256}
    assert status["schema"]["digest"] == catalog.schema.digest
    assert status["schema"]["source"] == catalog.schema.origin
    assert status["schema"]["confirmed"] is True
    assert status["schema"]["methods"] == len(catalog.methods)
    for name in ("lookedAt", "changedAt"):
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", status["schema"][name])
    assert status["problem"] == ""
    assert status["links"] == ["/docs", "/openapi.json", "/openapi.yaml"]


async def test_the_status_tells_how_long_cuebot_takes(
    cuebot: ScriptedCuebot, tmp_path: Path
) -> None:
    """Of the last minute's calls, those that end with an error included."""
    path = "/show.ShowInterface/GetShows"
    file = tmp_path / "descriptors.binpb"
    file.write_bytes(FileDescriptorSet(file=opencue().files).SerializeToString())

    async def latency(gateway: Gateway) -> Any:
        (state,) = (await gateway.client.get("/status.json")).json()["cuebot"]["states"]
        return state["latency"]

    async with gateway_for(cuebot.endpoint, descriptor_source=str(file)) as gateway:
        assert await latency(gateway) is None
        began = time.monotonic()
        await gateway.post(path)
        took = (time.monotonic() - began) * 1000
        first = await latency(gateway)
        assert first["calls"] == 1
        assert 0 < first["medianMs"] == first["p99Ms"] <= took + 0.1
        cuebot.hangs(path)
        await gateway.post(path, headers={"Grpc-Timeout": "300m"})
        second = await latency(gateway)
        assert second["calls"] == 2
        assert second["p99Ms"] >= 290


@pytest.mark.gateway(rate_limit_rps=0.001, rate_limit_burst=4)
async def test_the_status_tells_what_is_refused(gateway: Gateway) -> None:
    """Whether or not there are metrics."""
    nobody = {"Authorization": ""}
    for _ in range(2):
        await gateway.client.get("/show.ShowInterface/GetShows", headers=nobody)
    for _ in range(5):
        await gateway.post("/show.ShowInterface/GetShows", headers=bearer("busy"))
    gateway.app.parts.readiness.stopping = True
    await gateway.client.get("/show.ShowInterface/GetShows", headers=EVENTS)
    gateway.app.parts.readiness.stopping = False
    refused = (await gateway.client.get("/status.json")).json()["refused"]
    assert (
        refused["sinceStart"]
        == refused["lastMinute"]
        == {
            "malformed": 2,
            "rate_limit": 1,
            "stopping": 1,
        }
    )
    assert refused["words"].keys() == refused["sinceStart"].keys()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", refused["startedAt"])


def test_what_was_refused_a_minute_ago_is_not_recent(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter((1000.0, 1000.5, 1059.0, 1059.0, 1060.5))
    monkeypatch.setattr("gateway.core.refusals.monotonic", lambda: next(times))
    refusals = Refusals()
    full = unavailable("full", "connections")
    for _ in range(3):
        refusals.turned_away(full)
    assert refusals.recent() == {"connections": 3}
    assert refusals.recent() == {"connections": 1}
    assert refusals.since_start == {"connections": 3}


EVERYWHERE = ("/readyz", "/healthz", "/metrics", *DATA, *SHELLS)


@needs("metrics")
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
        assert str(file) in live.problem
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


async def test_readiness_names_no_methods(cuebot: ScriptedCuebot) -> None:
    async with gateway_for(
        cuebot.endpoint,
        descriptor_source="reflection",
        exclude_services=("job.JobInterface/Kil",),
        ready=False,
    ) as gateway:
        async with asyncio.timeout(20):
            while not gateway.app.parts.live.unmatched:  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        ready = await get(gateway, "/readyz")
        assert "did you mean job.JobInterface/Kill?" in gateway.app.parts.live.unmatched[0]
    glob = "EXCLUDE_SERVICES: job.JobInterface/Kil matches nothing that Cuebot has"
    assert (ready.status_code, ready.json()["unmatched"]) == (503, [glob])
    assert ready.json()["reason"] == glob


@pytest.mark.gateway(docs="public")
async def test_the_status_for_everybody(gateway: Gateway) -> None:
    status = (await get(gateway, "/status.json")).json()
    assert status["cuebot"] == {"of": 1, "usable": 1}
    assert "load" not in status
    assert "refused" not in status
    assert status["schema"].keys() == {
        *("confirmed", "digest", "lookedAt", "changedAt", "interfaces", "methods")
    }


async def test_the_time_of_a_change_is_that_of_another_schema() -> None:
    async with running_cuebot(ChangingCuebot()) as cuebot:
        assert isinstance(cuebot, ChangingCuebot)
        async with gateway_for(cuebot.endpoint) as gateway:
            live = gateway.app.parts.live
            first = live.changed_at
            live.prepare(Selection(), load_profile("none"))()
            assert live.changed_at == first
            cuebot.now = NEW
            assert await live.attempt()
            assert live.changed_at > first


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


async def test_several_cuebots_are_shown() -> None:
    away = f"127.0.0.1:{free_port()}"
    async with (
        running_cuebot(ChangingCuebot()) as one,
        running_cuebot(ChangingCuebot()) as other,
        gateway_for(f"{one.endpoint},{other.endpoint},{away}", docs="public") as gateway,
        asyncio.timeout(PATIENCE),
    ):
        status: Any = {}
        while not status or status["cuebot"]["usable"] < 2:
            status = (await get(gateway, "/status.json", **bearer())).json()
        gateway.app.parts.readiness.stopping = True
        ready = (await get(gateway, "/readyz")).json()
    endpoints = [one.endpoint, other.endpoint, away]
    states = {each["endpoint"]: each for each in status["cuebot"].pop("states")}
    assert status["cuebot"] == {"endpoints": endpoints, "of": 3, "usable": 2}
    assert [states[each]["state"] for each in endpoints] == ["answers", "answers", "away"]
    assert [bool(states[each]["reason"]) for each in endpoints] == [False, False, True]
    assert ready["status"] == "stopping"
    reference = {"$ref": "#/components/schemas/gateway-Readiness"}
    validator(reference, document()["components"]["schemas"]).validate(ready)


async def test_documents_are_kept_by_rights_and_only_the_last(
    cuebot: ScriptedCuebot, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []

    def build(*arguments: object, **options: object) -> Mapping[str, object]:
        built.append(options["allowed"])
        return build_document(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(documents, "build_document", build)
    monkeypatch.setattr(documents, "KEPT_DOCUMENTS", 2)
    access = [
        rule("reads", {"role": "a*"}, "reads"),
        rule("the same", {"role": "b"}, "all", "!changes"),
        rule("all", {"role": "c"}, "all"),
        rule("none", {}),
    ]
    async with gateway_for(cuebot.endpoint, access=access) as gateway:

        async def ask(role: str) -> int:
            await gateway.client.get("/openapi.json", headers=signed(role, role=role))
            return len(built)

        assert [await ask(role) for role in ("a", "a2", "b", "c", "a")] == [1, 1, 1, 2, 2]
        assert [await ask(role) for role in ("x", "a", "c")] == [3, 3, 4]
        assert len(set(built)) == 3
        live = gateway.app.parts.live
        live.prepare(Selection(), load_profile("none"))()
        assert await live.attempt()
        assert await ask("c") == 5


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
    loaded = [path for path in OWN if "docs" not in path]
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
