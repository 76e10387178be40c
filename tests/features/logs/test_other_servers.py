"""Logs on another ASGI server."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from tests.features.logs.farm import LoggingFarm, logging_farm
from tests.features.logs.test_logs import TEXT, until_cut
from tests.support.events import EVENTS
from tests.support.servers import bearer, http_client, plain_uvicorn

pytestmark = pytest.mark.anyio


@dataclass
class Other:
    farm: LoggingFarm
    client: httpx.AsyncClient


@pytest.fixture(scope="module")
async def other(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Other]:
    folder = tmp_path_factory.mktemp("shots")
    async with (
        logging_farm(folder) as farm,
        plain_uvicorn(farm.cuebot.endpoint, log_roots=f"/shots={folder}") as (port, _),
        http_client(f"http://127.0.0.1:{port}", headers=bearer()) as client,
    ):
        farm.write(TEXT)
        yield Other(farm, client)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Range": "bytes=-3"},
        {"Range": "bytes=100-"},
        {"If-Modified-Since": "Sat, 01 Jan 2050 00:00:00 GMT"},
    ],
)
@pytest.mark.parametrize("verb", ["GET", "HEAD"])
async def test_answers_are_the_same(other: Other, verb: str, headers: dict[str, str]) -> None:
    ours, plain = [
        await each.request(verb, other.farm.path, headers=headers)
        for each in (other.farm.gateway.client, other.client)
    ]
    assert (ours.status_code, ours.content) == (plain.status_code, plain.content)
    names = ("content-type", "content-length", "content-range", "etag", "last-modified")
    assert [ours.headers.get(each) for each in names] == [plain.headers.get(each) for each in names]


async def test_a_long_log(other: Other) -> None:
    content = b"line\n" * 200_000
    other.farm.write(content)
    assert (await other.client.get(other.farm.path)).content == content


async def test_streams(other: Other) -> None:
    other.farm.write(TEXT)
    other.farm.frame.state = 3
    answer = await other.client.get(f"{other.farm.path}?follow")
    assert answer.content == TEXT
    answer = await other.client.get(f"{other.farm.path}?follow", headers=EVENTS)
    assert answer.content.endswith(b"id: 18\nevent: done\ndata: {}\n\n")


async def test_a_client_that_leaves(other: Other) -> None:
    other.farm.write(TEXT)
    other.farm.frame.state = 2
    for _ in range(3):
        async with other.client.stream("GET", f"{other.farm.path}?follow") as answer:
            async for part in answer.aiter_raw():
                assert part == TEXT
                break


async def test_a_log_that_is_cut_off(other: Other, monkeypatch: pytest.MonkeyPatch) -> None:
    other.farm.write(b"x" * 300_000)
    monkeypatch.setattr("gateway.features.logs.log_file.LogFile.read", lambda *_: b"")
    async with other.client.stream("GET", other.farm.path) as answer:
        assert b"cut off" in await until_cut(answer)
