"""`cuebot-gateway batch`."""

import json
from pathlib import Path
from typing import Any

import grpc
import pytest

from gateway_client.batch import BatchClient, items_in
from gateway_client.errors import InvalidCall
from gateway_client.gateway import gateway_client
from gateway_client.terminal.exits import FAILED, WRONG_USAGE
from tests.gateway_cli.calls import JSON, LOSES, Reply, stand_in
from tests.support.commands import Ran, run_beside
from tests.support.needs import needs
from tests.support.opencue import message_class
from tests.support.servers import Context, Gateway, ScriptedCuebot, token

pytestmark = [needs("batch"), pytest.mark.anyio, pytest.mark.slow]

FIND_SHOW = "/show.ShowInterface/FindShow"


@pytest.fixture(autouse=True)
def shows(cuebot: ScriptedCuebot) -> None:
    """FindShow answers with the name that is asked for; `missing` is not found."""

    async def find(request: bytes, context: Context) -> bytes:
        name = message_class("show.ShowFindShowRequest").FromString(request).name
        if name == "missing":
            await context.abort(grpc.StatusCode.NOT_FOUND, "there is no such show")
        answer = message_class("show.ShowFindShowResponse")()
        answer.show.name = name
        whole: bytes = answer.SerializeToString()
        return whole

    cuebot.handlers[FIND_SHOW] = find


def finding(*names: str) -> list[dict[str, Any]]:
    return [
        {"method": "Show/FindShow", "request": {"name": name}, "view": {"_fields": "name"}}
        for name in names
    ]


def lines(*items: object) -> str:
    return "".join(f"{json.dumps(item)}\n" for item in items)


async def batch(gateway: Gateway, given: str, *options: str) -> Ran:
    return await run_beside(
        "batch", "-", *options, given=given, GATEWAY_URL=gateway.url, TOKEN=token("lena")
    )


async def test_an_array_is_answered_in_order(gateway: Gateway) -> None:
    ran = await batch(gateway, json.dumps(finding("one", "two")))
    assert (ran.status, ran.err) == (0, "2 calls, 0 failed\n")
    assert ran.json == [
        {"id": 0, "status": 200, "answer": {"show": {"name": "one"}}},
        {"id": 1, "status": 200, "answer": {"show": {"name": "two"}}},
    ]


async def test_lines_are_answered_in_lines(gateway: Gateway) -> None:
    """And what has failed is summed up."""
    ran = await batch(gateway, lines(*finding("one", "missing")))
    assert ran.status == FAILED
    found = {each["id"]: each["status"] for each in map(json.loads, ran.text.splitlines())}
    assert found == {0: 200, 1: 404}
    assert ran.err == "2 calls, 1 failed\n  1: NOT_FOUND: no show 'missing'\n"
    ran = await batch(gateway, lines(*finding("one")), "-o", "json")
    assert len(ran.json) == 1


async def test_more_than_a_gateway_takes_at_once(gateway: Gateway) -> None:
    ran = await batch(gateway, lines(*finding(*map(str, range(1005)))))
    assert (ran.status, ran.err) == (0, "1005 calls, 0 failed\n")
    assert len({json.loads(line)["id"] for line in ran.text.splitlines()}) == 1005


async def test_nothing_is_called_after_a_failure(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.seen.clear()
    ran = await batch(
        gateway, json.dumps(finding("missing", *map(str, range(1005)))), "--stop-on-error"
    )
    assert ran.status == FAILED
    assert [each["status"] for each in ran.json] == [404, *[499] * 1005]
    assert [path for path, *_ in cuebot.seen].count(FIND_SHOW) == 1
    assert ran.err.endswith("  … and 996 more\n")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"[1", "neither a JSON array nor"),
        (b'{"method": "Show/FindShow"}\n{', "neither a JSON array nor"),
        (b"[1]", "item 0 is not of the form"),
        (b'[{"request": {}}]', "item 0 is not of the form"),
        (b'[{"method": "FindShow"}]', "is not of the form INTERFACE/METHOD"),
        (b'[{"method": "a/B", "id": 1}, {"method": "a/B", "id": "1"}]', "2 items have the id '1'"),
    ],
)
def test_what_is_no_batch(text: bytes, problem: str) -> None:
    with pytest.raises(InvalidCall, match=problem):
        items_in(text)


async def test_wrong_usage(tmp_path: Path) -> None:
    file = tmp_path / "calls.json"
    file.write_text("{", encoding="utf-8")
    ran = await run_beside("batch", str(file), GATEWAY_URL="http://127.0.0.1:1")
    assert (ran.status, ran.out) == (WRONG_USAGE, b"")
    assert ran.err.startswith(f"cuebot-gateway: {file}: neither")
    ran = await run_beside("batch", "-", given="[]")
    assert ran.status == WRONG_USAGE
    assert "GATEWAY_URL" in ran.err


async def test_a_gateway_without_batches_is_told() -> None:
    async with stand_in(POST=("404 Not Found", JSON, b'{"code":5,"message":"no"}')) as server:
        ran = await run_beside(
            "batch", "-", given=lines(*finding("a")), GATEWAY_URL=server.url, TOKEN="t"
        )
    assert ran.status == FAILED
    assert "does not serve /batch" in ran.err


async def test_only_what_was_not_answered_is_sent_again() -> None:
    """With the same key, so that nothing is called twice."""
    items, _ = items_in(lines(*finding("a", "b")).encode())
    cut: Reply = ("200 OK", {"Content-Length": "999"}, b'{"id":0,"status":200,"answer":{}}\n')
    rest: Reply = ("200 OK", {}, b'{"id":1,"status":200,"answer":{}}\n')
    async with (
        stand_in(POST=[cut, LOSES, rest]) as server,
        gateway_client(server.url, token, 5) as client,
    ):
        answers = BatchClient(client, pauses=(0, 0)).answers(items)
        assert [answer["id"] async for answer in answers] == [0, 1]
    assert [body.count(b"\n") for *_, body in server.seen] == [2, 1, 1]
    assert len({headers["idempotency-key"] for *_, headers, _ in server.seen}) == 1
