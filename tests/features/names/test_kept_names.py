"""Lists of names that are kept and shared."""

import asyncio

import pytest

from gateway.core.errors import Code, GatewayError
from gateway.features.names.kept_names import (
    KEPT_SECONDS,
    MOST_KEPT,
    MOST_READ_AT_ONCE,
    READS,
    KeptNames,
)

pytestmark = pytest.mark.anyio


class Lists:
    """Counts how often each was read; the clock is moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.read: list[str] = []
        self.kept = KeptNames(lambda: self.now)

    async def ask(self, key: str, principal: str = "lena", *names: str) -> tuple[str, ...] | None:
        async def read() -> tuple[str, ...]:
            self.read.append(key)
            await asyncio.sleep(0)
            if key.startswith("broken"):
                raise GatewayError(Code.UNAVAILABLE, "away")
            return names

        found = await self.kept.list(key, principal, read)
        return None if found is None else tuple(found.names)


async def test_a_list_is_read_again_when_it_is_old() -> None:
    lists = Lists()
    assert await lists.ask("a", "lena", "x") == ("x",)
    lists.now += KEPT_SECONDS - 0.1
    assert await lists.ask("a", "marco", "y") == ("x",)
    lists.now += 0.2
    assert await lists.ask("a", "marco", "y") == ("y",)


async def test_all_who_ask_meanwhile_share_it_though_the_first_leaves() -> None:
    lists = Lists()
    first, *others = (asyncio.create_task(lists.ask("a", "lena", "x")) for _ in range(5))
    await asyncio.sleep(0)
    first.cancel()
    assert await asyncio.gather(*others) == [("x",)] * 4
    assert lists.read == ["a"]


async def test_an_error_is_kept_as_well() -> None:
    lists = Lists()
    for _ in range(3):
        with pytest.raises(GatewayError, match="away"):
            await lists.ask("broken")
    assert lists.read == ["broken"]


async def test_reads_are_bounded_for_each_principal_and_at_once() -> None:
    lists = Lists()
    found = [await lists.ask(f"a{number}") for number in range(READS.burst + 5)]
    assert found.count(None) == 5
    assert await lists.ask("a0") == ()  # kept
    assert await lists.ask("b", "marco") == ()
    lists = Lists()
    many = [lists.ask(f"a{number}", f"p{number}") for number in range(MOST_READ_AT_ONCE + 3)]
    assert (await asyncio.gather(*many)).count(None) == 3


async def test_not_more_than_so_many_are_kept() -> None:
    lists = Lists()
    for number in range(MOST_KEPT + 1):
        await lists.ask(f"a{number}", f"p{number}")
    await lists.ask("a0", "somebody")
    await lists.ask(f"a{MOST_KEPT}", "somebody")
    assert lists.read.count("a0") == 2
    assert lists.read.count(f"a{MOST_KEPT}") == 1


async def test_comparisons_are_bounded_for_each_principal() -> None:
    lists = Lists()
    names = [f"job-{number:04}" for number in range(4000)]
    await lists.ask("jobs", "lena", *names)
    listed = await lists.kept.list("jobs", "lena", lambda: asyncio.sleep(0, []))
    assert listed is not None
    exact = [await lists.kept.hint(listed, "job-0001x", "lena") for _ in range(30)]
    assert set(exact) == {"; did you mean 'job-0001'?"}  # compared once, and kept
    for number in range(15):
        last = await lists.kept.hint(listed, f"jbo-{number}", "lena")
    assert last == ""
    assert await lists.kept.hint(listed, "jbo-0002", "marco") != ""
