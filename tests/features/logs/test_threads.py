"""Threads for storage that hangs."""

import asyncio
import threading
from collections.abc import Iterator
from functools import partial

import pytest

from gateway.core.errors import GatewayError
from gateway.core.fair_quota import equal_weight
from gateway.features.logs.threads import Threads
from tests.support.patience import PATIENCE, until

pytestmark = pytest.mark.anyio


@pytest.fixture
def hanging() -> Iterator[threading.Event]:
    """Ends what hangs."""
    event = threading.Event()
    yield event
    event.set()


async def test_one_who_waits_for_storage_leaves_threads_to_others(
    hanging: threading.Event,
) -> None:
    threads = Threads(4, 100, equal_weight, PATIENCE)
    waiting = [
        asyncio.create_task(threads.run("lena", partial(hanging.wait, PATIENCE))) for _ in range(20)
    ]
    await asyncio.sleep(0)
    assert await threads.run("bo", lambda: "bo's") == "bo's"
    hanging.set()
    assert await asyncio.gather(*waiting) == [True] * 20


async def test_what_hangs_keeps_its_thread(hanging: threading.Event) -> None:
    threads = Threads(2, 100, equal_weight, 0.01)
    for _ in range(2):
        with pytest.raises(GatewayError, match=r"the storage .* did not answer in 0.01 s"):
            await threads.run("lena", partial(hanging.wait, PATIENCE))
    with pytest.raises(GatewayError, match="too many logs are being read"):
        await threads.run("lena", lambda: None)
    hanging.set()

    async def has_thread() -> bool:
        try:
            await threads.run("lena", lambda: None)
        except GatewayError:
            return False
        return True

    async with asyncio.timeout(PATIENCE):
        while not await has_thread():
            pass


async def test_a_result_that_nobody_waits_for_is_let_go(hanging: threading.Event) -> None:
    threads, begun = Threads(2, 100, equal_weight, PATIENCE), threading.Event()
    unwanted: list[str] = []

    def work() -> str:
        begun.set()
        hanging.wait(PATIENCE)
        return "a file"

    waiting = asyncio.create_task(threads.run("lena", work, unwanted.append))
    await until(begun.is_set)
    waiting.cancel()
    await asyncio.wait([waiting])
    hanging.set()
    await until(lambda: unwanted)
    assert unwanted == ["a file"]


async def test_what_work_raises_is_raised() -> None:
    threads = Threads(1, 100, equal_weight, PATIENCE)
    with pytest.raises(LookupError):
        await threads.run("lena", partial([0].__getitem__, 1))
