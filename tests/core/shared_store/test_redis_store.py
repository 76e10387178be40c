"""The store in a real Redis or Valkey: scripts, failures, passwords, and what is not told."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.core.errors import ConfigurationError
from gateway.core.shared_store import Link, LinkTiming, RedisStore, Script, StoreFailed
from tests.support.servers import settings_for
from tests.support.stores import SERVER, StoreServer, store_server

pytestmark = [pytest.mark.slow, pytest.mark.anyio]

ECHO = Script(
    "local all = {#KEYS} for _, each in ipairs(ARGV) do all[#all + 1] = each end return all"
)


@pytest.fixture(scope="module")
def server() -> Iterator[StoreServer]:
    if SERVER is None:
        pytest.skip("there is no redis-server and no valkey-server")
    with store_server(password="green apple") as running:
        yield running


@pytest.fixture
async def store(server: StoreServer, anyio_backend: object) -> AsyncIterator[RedisStore]:
    made = store_at(f"redis://:green%20apple@127.0.0.1:{server.port}")
    await made.connect()
    yield made
    await made.close()


def store_at(url: str, **more: object) -> RedisStore:
    return RedisStore(settings_for("cuebot:1", state=url, **more))


async def test_scripts_get_keys_and_values(store: RedisStore) -> None:
    every = bytes(range(256))
    for _ in range(2):
        said = await store.run(ECHO, ["a", "ключ", "c d"], [1, 2**53, every])
        assert said == [3, b"1", b"%d" % 2**53, every]
    assert await store.run(Script("return {1, ARGV[1]}"), [], [b"x\r\n"]) == [1, b"x\r\n"]


async def test_what_fails_is_told_as_one_line(store: RedisStore) -> None:
    with pytest.raises(StoreFailed, match="nosuch"):
        await store.run(Script("return nosuch.thing"), [], [])
    with pytest.raises(StoreFailed):
        await store.run(Script("return 1"), [], [])
    assert await store.run(ECHO, [], [7]) == [0, b"7"]


async def test_an_answer_is_never_anothers(store: RedisStore, server: StoreServer) -> None:
    """Who stops waiting leaves a connection behind on which the late answer is not the next one."""
    server.stand_still()
    waiting = [asyncio.create_task(store.run(ECHO, [], [number])) for number in range(5)]
    await asyncio.sleep(0.05)
    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)
    server.go_on()
    for number in range(10, 30):
        assert await store.run(ECHO, [], [number]) == [0, b"%d" % number]


@pytest.mark.parametrize("user", ["", ":red%20apple@", "somebody:green%20apple@"])
async def test_a_wrong_password_is_told_without_it(server: StoreServer, user: str) -> None:
    store = store_at(f"redis://{user}127.0.0.1:{server.port}")
    with pytest.raises(StoreFailed) as failed:
        await store.connect()
    await store.close()
    assert "apple" not in f"{failed.value} {store.name}"
    assert "uthentication required" in str(failed.value) or "password" in str(failed.value)


REPLICA = ("REPLICAOF 127.0.0.1 1", "REPLICAOF NO ONE")
FULL = ("CONFIG SET maxmemory 1", "CONFIG SET maxmemory 0")


@pytest.mark.parametrize(("broken", "repaired"), [REPLICA, FULL])
async def test_a_store_that_only_reads_is_away(
    server: StoreServer, store: RedisStore, broken: str, repaired: str
) -> None:
    """A replica, or a server without memory, is not found before it writes."""
    from redis.asyncio import Redis

    link = Link(store, "…", LinkTiming(answer=20))
    operator: Any = Redis(port=server.port, password="green apple")
    await link.connect()
    await operator.execute_command(*broken.split())
    try:
        with pytest.raises(StoreFailed, match=r"read only|maxmemory"):
            await link.connect()
    finally:
        await operator.execute_command(*repaired.split())
        await operator.aclose()
    await link.connect()


async def test_the_database_counts(server: StoreServer) -> None:
    first, second = (
        store_at(f"redis://:green%20apple@127.0.0.1:{server.port}/{number}") for number in (0, 5)
    )
    await first.run(Script("redis.call('SET', KEYS[1], ARGV[1]) return {}"), ["k"], [3])
    exists = Script("return {redis.call('EXISTS', KEYS[1])}")
    assert [await each.run(exists, ["k"], []) for each in (first, second)] == [[1], [0]]
    await first.close()
    await second.close()


async def test_an_address_where_nobody_is_fails() -> None:
    for place in ("127.0.0.1:1", "nowhere.invalid"):
        store = store_at(f"redis://{place}")
        with pytest.raises(StoreFailed):
            await store.connect()
        await store.close()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("redis://redis.studio", "redis://redis.studio:6379/0"),
        ("rediss://lena:secret@redis.studio:7000/3", "rediss://redis.studio:7000/3"),
        ("redis://[::1]:7000", "redis://[::1]:7000/0"),
    ],
)
def test_its_name_says_where_it_is_without_user_and_password(url: str, name: str) -> None:
    assert store_at(url).name == name


def test_without_the_extra_startup_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ConfigurationError, match=r"STATE: .*pip install 'cuebot-gateway\[redis\]'"):
        store_at("redis://redis.studio")


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("state_password_file", None, "cannot read"),
        ("state_password_file", b"\n", "is empty"),
        ("state_password_file", b"\xff\n", "is not UTF-8"),
        ("state_ca_file", None, "cannot read"),
        ("state_ca_file", b"nothing", "contains no PEM certificate"),
    ],
)
def test_files_that_cannot_be_used(tmp_path: Path, name: str, content: Any, problem: str) -> None:
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError) as raised:
        store_at("rediss://redis.studio", **{name: str(file)})
    assert str(raised.value).startswith(f"{name.upper()}: ")
    assert f"{file}" in str(raised.value)
    assert problem in str(raised.value)
