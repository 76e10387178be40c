"""`POST /batch`: each item is a request of its own."""

import asyncio
import json
from collections.abc import Iterable
from subprocess import Popen
from typing import Any

import grpc
import orjson
import pytest

from tests.support.audit import KILL, killing
from tests.support.needs import needs
from tests.support.opencue import jobs, message_class
from tests.support.patience import PATIENCE, until
from tests.support.servers import Context, Gateway, ScriptedCuebot, gateway_for

pytestmark = pytest.mark.anyio

BATCH = "/batch"
SHOWS = "/show.ShowInterface/GetShows"
FIND_SHOW = "/show.ShowInterface/FindShow"
GET_JOBS = "/job.JobInterface/GetJobs"
JSON, LINES = "application/json", "application/x-ndjson"
NDJSON = {"Content-Type": LINES}


def ndjson(items: Iterable[object]) -> bytes:
    return b"".join(orjson.dumps(each) + b"\n" for each in items)


def finding(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "method": FIND_SHOW, "request": {"name": name}} for name in names]


def finds_shows(cuebot: ScriptedCuebot) -> None:
    """FindShow answers with the name that is asked for, or NOT_FOUND for `missing`."""

    async def find(request: bytes, context: Context) -> bytes:
        name = message_class("show.ShowFindShowRequest").FromString(request).name
        if name == "missing":
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such show")
        answer = message_class("show.ShowFindShowResponse")()
        answer.show.id = answer.show.name = name
        whole: bytes = answer.SerializeToString()
        return whole

    cuebot.handlers[FIND_SHOW] = find


async def batch(gateway: Gateway, items: object, **options: Any) -> Any:
    answer = await gateway.post(BATCH, items, **options)
    assert answer.status_code == 200, answer.text
    return answer.json()


def asked(cuebot: ScriptedCuebot) -> list[str]:
    return [path for path, _, _ in cuebot.seen]


# --- what is asked, and what is answered ------------------------------------------------------
async def test_answers_are_in_the_order_of_the_items(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    finds_shows(cuebot)
    items = [*finding("one", "missing", "two"), {"method": FIND_SHOW, "request": {"name": "x"}}]
    first, second, third, fourth = await batch(gateway, items)
    assert (first["id"], first["status"]) == ("one", 200)
    alone = await gateway.post(FIND_SHOW, {"name": "one"})
    assert first["answer"] == alone.json()
    assert first.keys() == {"id", "status", "answer"}
    refused = await gateway.post(FIND_SHOW, {"name": "missing"})
    assert second == {"id": "missing", "status": 404, "error": refused.json()}
    assert (third["id"], third["answer"]["show"]["name"]) == ("two", "two")
    assert (fourth["id"], fourth["status"]) == (3, 200)


async def test_nothing_asked_is_nothing_answered(gateway: Gateway) -> None:
    assert await batch(gateway, []) == []
    answer = await gateway.post(BATCH, content=b"", headers=NDJSON)
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize(
    ("lines", "accept", "answered"),
    [
        (False, "*/*", JSON),
        (True, "*/*", LINES),
        (False, LINES, LINES),
        (True, JSON, JSON),
        (False, f"{LINES};q=0.5, {JSON}", JSON),
        (False, "text/csv", JSON),
    ],
)
async def test_formats(
    gateway: Gateway, cuebot: ScriptedCuebot, lines: bool, accept: str, answered: str
) -> None:
    finds_shows(cuebot)
    body = ndjson(finding("a", "b")) if lines else orjson.dumps(finding("a", "b"))
    for labels in ({}, {"Content-Type": LINES if lines else JSON}):
        answer = await gateway.post(BATCH, content=body, headers={"Accept": accept} | labels)
        assert answer.headers["content-type"] == answered
        found = answer.json() if answered == JSON else map(json.loads, answer.text.splitlines())
        assert {each["id"]: each["status"] for each in found} == {"a": 200, "b": 200}


async def test_ndjson_comes_as_items_finish(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    finds_shows(cuebot)
    called, release = cuebot.holds(SHOWS)
    items = [{"id": "slow", "method": SHOWS}, *finding("fast")]
    send = gateway.client.stream("POST", gateway.url + BATCH, content=ndjson(items), headers=NDJSON)
    async with asyncio.timeout(PATIENCE), send as answer:
        lines = answer.aiter_lines()
        assert json.loads(await anext(lines))["id"] == "fast"
        await called.wait()
        release.set()
        assert json.loads(await anext(lines))["id"] == "slow"
        assert [line async for line in lines] == []


async def test_json_comes_as_items_finish_in_order(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    finds_shows(cuebot)
    release = cuebot.holds(SHOWS)[1]
    items = [*finding("first"), {"id": "slow", "method": SHOWS}, *finding("last")]
    send = gateway.client.stream("POST", gateway.url + BATCH, json=items)
    async with asyncio.timeout(PATIENCE), send as answer:
        parts = answer.aiter_bytes()
        begun = b""
        while b"first" not in begun:
            begun += await anext(parts)
        await until(lambda: FIND_SHOW in asked(cuebot))
        assert b"last" not in begun
        release.set()
        whole = begun + b"".join([part async for part in parts])
    assert [each["id"] for each in json.loads(whole)] == ["first", "slow", "last"]


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (7, "an item is an object"),
        ([], "an item is an object"),
        ({}, "`method` is the path"),
        ({"method": 7}, "`method` is the path"),
        ({"method": "x" * 9000}, "`method` is the path"),
        ({"method": SHOWS, "requets": {}}, "unknown key `requets`; did you mean `request`?"),
        ({"method": SHOWS, "id": 1.5}, "`id` is"),
        ({"method": SHOWS, "id": True}, "`id` is"),
        ({"method": SHOWS, "id": "x" * 300}, "`id` is"),
        ({"method": SHOWS, "view": []}, "`view` has"),
        ({"method": SHOWS, "view": {"_limit": True}}, "`view` has"),
        ({"method": SHOWS, "view": {"_fields": "x" * 9000}}, "longer than 8 KB"),
        ({"method": SHOWS, "view": {"_format": "csv"}}, "answers in a batch are JSON"),
        pytest.param(
            {"method": SHOWS, "view": {"_feilds": "id"}},
            "did you mean _fields",
            marks=needs("views"),
        ),
        ({"method": BATCH}, "does not nest"),
        ({"method": "//batch", "request": []}, "does not nest"),
        ({"method": SHOWS, "request": []}, "expected an object"),
        ({"method": SHOWS, "request": {"r": 1}}, "unknown field `r`"),
    ],
)
async def test_what_is_wrong_with_an_item_is_its_error(
    gateway: Gateway, cuebot: ScriptedCuebot, item: object, problem: str
) -> None:
    finds_shows(cuebot)
    wrong, good = await batch(gateway, [item, *finding("good")])
    assert (wrong["status"], wrong["error"]["code"]) == (400, 3)
    assert problem in wrong["error"]["message"]
    assert (good["id"], good["status"]) == ("good", 200)
    assert asked(cuebot) == [FIND_SHOW]


@pytest.mark.parametrize("path", ["/healthz", "/openapi.json", "/metrics", "/show.ShowInterface/X"])
async def test_only_methods_are_items(gateway: Gateway, path: str) -> None:
    (only,) = await batch(gateway, [{"method": path}])
    assert only["status"] == 404


@pytest.mark.parametrize(
    ("body", "media", "problem"),
    [
        (b"", "application/json", "the body is empty"),
        (b" \n", "application/json", "the body is empty"),
        (b'[{"method": "/a"}', "application/json", "not valid JSON"),
        (b'{"method": "/a"}\n{"meth', "application/x-ndjson", "line 2"),
        (b'{\n  "method": "/a"\n}', "application/json", "one item a line"),
        (b"\xff", "application/json", "not valid JSON"),
        (b"[" * 5000 + b"]" * 5000, "application/json", "not valid JSON"),
        (b"[" + b"[]," * 100_000 + b"[]]", "application/json", "more than 100000"),
    ],
)
async def test_what_cannot_be_read_is_400(
    gateway: Gateway, cuebot: ScriptedCuebot, body: bytes, media: str, problem: str
) -> None:
    answer = await gateway.post(BATCH, content=body, headers={"Content-Type": media})
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert problem in answer.json()["message"]
    assert cuebot.seen == []


async def test_deep_requests_are_errors_of_items(gateway: Gateway) -> None:
    for depth in (150, 400):
        body = b'[{"method": "%s", "request": %s}]' % (
            GET_JOBS.encode(),
            b'{"r":' * depth + b"1" + b"}" * depth,
        )
        answer = await gateway.post(BATCH, content=body)
        assert answer.status_code == 200
        assert answer.json()[0]["status"] == 400


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ("stopOnError=yes", "expected true or false"),
        ("stopOnError", "expected true or false"),
        ("stoponerror=true", "did you mean stopOnError?"),
        ("_fields=id", "a batch has only"),
    ],
)
async def test_wrong_options_are_400(gateway: Gateway, query: str, problem: str) -> None:
    answer = await gateway.post(f"{BATCH}?{query}", [])
    assert answer.status_code == 400
    assert problem in answer.json()["message"]


async def test_other_verbs_are_405(gateway: Gateway) -> None:
    for verb in ("GET", "HEAD", "PUT", "DELETE"):
        answer = await gateway.client.request(verb, gateway.url + BATCH)
        assert (answer.status_code, answer.headers["allow"]) == (405, "POST, OPTIONS")
    options = await gateway.client.options(gateway.url + BATCH)
    assert (options.status_code, options.headers["allow"]) == (204, "POST, OPTIONS")


@pytest.mark.gateway(docs="off")
async def test_it_is_there_without_pages(gateway: Gateway) -> None:
    assert await batch(gateway, []) == []


async def test_large_bodies_are_taken_apart_elsewhere(
    cuebot: ScriptedCuebot, started: list[Popen[bytes]]
) -> None:
    finds_shows(cuebot)
    name = "n" * 300_000
    items = [{"method": FIND_SHOW, "request": {"name": name}}, *finding("b")]
    async with gateway_for(cuebot.endpoint) as gateway:
        blank = await gateway.post(BATCH, content=b"[" + b" " * 300_000 + b"]")
        assert (blank.json(), len(started)) == ([], 1)
        for body in (orjson.dumps(items), ndjson(items)):
            headers = {"Accept": "application/json"}
            answer = await gateway.post(BATCH, content=body, headers=headers)
            assert [each["status"] for each in answer.json()] == [200, 200]
            assert answer.json()[0]["answer"]["show"]["name"] == name
        refused = await gateway.post(BATCH, content=b"[" + b" " * 300_000 + b"{]")
        assert (refused.status_code, refused.json()["code"]) == (400, 3)


@pytest.mark.parametrize("header", ["Content-Type", "Content-Encoding"])
async def test_what_cannot_be_a_batch_is_415(gateway: Gateway, header: str) -> None:
    answer = await gateway.post(BATCH, content=b"[]", headers={header: "image/png"})
    assert answer.status_code == 415


@pytest.mark.gateway(max_body_mb=0.1)
async def test_bodies_that_are_too_large_are_413(gateway: Gateway) -> None:
    answer = await gateway.post(BATCH, content=b"[" + b" " * 200_000 + b"]")
    assert answer.status_code == 413


@needs("views")
async def test_views_and_reported_headers(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_JOBS, jobs(3))
    view = {"_fields": "name", "_limit": 2}
    items = [{"method": GET_JOBS, "view": view}, {"method": GET_JOBS, "view": {"fancy": "x"}}]
    first, second = await batch(gateway, items)
    alone = await gateway.post(GET_JOBS + "?_fields=name&_limit=2", {})
    assert first["answer"] == alone.json()
    assert second["headers"] == {"X-Ignored-Fields": "%3Ffancy"}


@needs("dry_run")
async def test_a_dry_run_of_a_batch_calls_nothing(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    answer = await gateway.post(
        BATCH, [{"method": KILL, "request": killing(1)}], headers={"X-Dry-Run": "1"}
    )
    (only,) = answer.json()
    assert answer.headers["x-dry-run"] == "1"
    assert (only["answer"]["dryRun"], only["headers"]["X-Dry-Run"]) == (True, "1")
    assert cuebot.seen == []
    misspelled = await gateway.post(BATCH, [{"method": SHOWS}], headers={"X-Dry-Run": "yes"})
    assert (misspelled.status_code, cuebot.seen) == (400, [])


@needs("access_log", "traces", "tokens")
async def test_metadata_and_access_lines_are_those_of_each_item(
    gateway: Gateway, cuebot: ScriptedCuebot
) -> None:
    finds_shows(cuebot)
    lines = gateway.access_lines()
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"X-Request-ID": "mine", "traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    headers["X-Gateway-Via"] = "mcp"
    await batch(gateway, [*finding("a", "missing"), {"method": BATCH}], headers=headers)
    await until(lambda: len(lines) == 3)
    metadata = {each["x-request-id"]: each for _, _, each in cuebot.seen}
    assert metadata.keys() == {"mine/0", "mine/1"}
    assert metadata["mine/0"]["x-gateway-principal"] == "tester"
    assert trace in metadata["mine/0"]["traceparent"]
    known = {str(line["request_id"]): line for line in lines}
    assert {id_: (line["path"], line["status"]) for id_, line in known.items()} == {
        "mine/0": (FIND_SHOW, 200),
        "mine/1": (FIND_SHOW, 404),
        "mine": (BATCH, 200),
    }
    assert known["mine/0"]["subject"] == "tester"
    assert {line["via"] for line in lines} == {"mcp"}
