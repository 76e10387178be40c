"""The link to a shared store: who waits for it, and how it comes back."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace

import pytest
from structlog.testing import capture_logs

from gateway.core.shared_store import Link, LinkTiming, Script, StoreFailed, Value
from tests.support.patience import until

pytestmark = pytest.mark.anyio

SCRIPT = Script("return {1}")


@dataclass
class Scripted:
    """A store that does as it is told. It is there while `there` is set."""

    name: str = "store://here"
    there: bool = True
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    """While it is not set, connections are made and nothing is answered."""
    found: asyncio.Queue[None] = field(default_factory=asyncio.Queue)
    """One for each attempt to connect that has come so far."""
    cancelled: int = 0
    closed: int = 0

    async def connect(self) -> None:
        self.found.put_nowait(None)
        if not self.there:
            raise StoreFailed("nobody is there")

    async def run(
        self, script: Script, keys: Sequence[str], values: Sequence[Value]
    ) -> list[Value]:
        if not self.there:
            raise StoreFailed("the connection is gone")
        try:
            await self.answers.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return [*values]

    async def close(self) -> None:
        self.closed += 1


SOON = LinkTiming(first_pause=0.01, longest_pause=0.02)


@asynccontextmanager
async def kept(store: Scripted, timing: LinkTiming = SOON) -> AsyncIterator[Link]:
    made = Link(store, "all do without", timing)
    keeping = asyncio.create_task(made.keep())
    try:
        await made.first_look()
        yield made
    finally:
        keeping.cancel()
        with suppress(asyncio.CancelledError):
            await keeping
        assert not made.up


@pytest.fixture
def store() -> Scripted:
    made = Scripted()
    made.answers.set()
    return made


async def test_it_passes_scripts_on(store: Scripted) -> None:
    async with kept(store) as made:
        assert made.up
        assert await made.run(SCRIPT, ["k"], [4, 5]) == [4, 5]
        assert made.losses == 0


async def test_one_failure_is_enough_for_all(store: Scripted) -> None:
    """After an answer that has not come in time, nobody asks any more, until the store is found."""
    async with kept(store) as made:
        store.answers.clear()
        with pytest.raises(StoreFailed, match="no answer within 50 ms"):
            await made.run(SCRIPT, [], [])
        assert not made.up
        with pytest.raises(StoreFailed, match="no answer within 50 ms"):
            await made.run(SCRIPT, [], [])
        await asyncio.sleep(0)
        assert store.cancelled == 1


async def test_it_is_said_once_and_counted_once(store: Scripted) -> None:
    with capture_logs() as lines:
        async with kept(store) as made:
            store.there = False
            asked = [made.run(SCRIPT, [], []) for _ in range(5)]
            failed = await asyncio.gather(*asked, return_exceptions=True)
            assert {type(each) for each in failed} == {StoreFailed}
            for _ in range(5):
                await store.found.get()
            assert made.losses == 1
            store.there = True
            await until(lambda: made.up)
    said = [(line["event"], line["log_level"], line.get("problem")) for line in lines]
    assert {line["store"] for line in lines} == {store.name}
    assert said == [
        ("the shared store answers", "info", None),
        ("the shared store is away; all do without", "error", "the connection is gone"),
        ("the shared store answers again", "info", None),
    ]


async def test_an_answer_that_has_come_counts_however_busy_the_process_was(store: Scripted) -> None:
    """It is not the store's fault if the event loop has not looked for half a second."""
    async with kept(store) as made:
        store.answers.clear()
        waiting = asyncio.create_task(made.run(SCRIPT, [], [1]))
        await asyncio.sleep(0)  # it has asked

        def be_busy() -> None:
            time.sleep(0.2)
            arrive(10)

        def arrive(turns: int) -> None:
            """Bytes become an answer over several turns of the loop."""
            if turns:
                asyncio.get_running_loop().call_soon(arrive, turns - 1)
            else:
                store.answers.set()

        asyncio.get_running_loop().call_soon(be_busy)
        assert await waiting == [1]
        assert made.up


async def test_an_answer_that_nobody_waits_for_may_fail(store: Scripted) -> None:
    """As when the connection is closed meanwhile: asyncio does not report it."""
    reported: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: reported.append(context))

    async def run(script: Script, keys: Sequence[str], values: Sequence[Value]) -> list[Value]:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise StoreFailed("Connection closed by server.") from None
        return []

    async with kept(store) as made:
        store.run = run  # type: ignore[method-assign]
        waits = asyncio.create_task(made.run(SCRIPT, [], []))
        await asyncio.sleep(0.01)
        waits.cancel()
        with suppress(asyncio.CancelledError):
            await waits
        await asyncio.sleep(0)
        del waits
        gc.collect()
        loop.set_exception_handler(None)
    assert not reported


async def test_a_store_that_does_not_connect_is_away(
    store: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(store, "connect", never)
    with capture_logs() as lines:
        async with kept(store, replace(SOON, connection=0.01)) as made:
            assert not made.up
    assert lines[0]["problem"] == "no connection within 0.01 s"


async def test_a_store_that_is_slow_stays_away(store: Scripted) -> None:
    """It is not enough that it connects: nobody waits for it before it has answered in time."""
    store.answers.clear()
    async with kept(store) as made:
        for _ in range(3):
            await store.found.get()
        assert not made.up
        assert made.losses == 1
        store.answers.set()
        await until(lambda: made.up)


async def test_gateways_come_back_at_different_moments(
    store: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    real = asyncio.sleep

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await real(0)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    store.there = False
    async with kept(store, LinkTiming()):
        while len(pauses) < 50:
            await real(0)
    for pause, most in zip(pauses, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, *[5] * 44], strict=False):
        assert most / 2 <= pause <= most
    assert len(set(pauses)) > 40
