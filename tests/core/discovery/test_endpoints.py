"""Several Cuebots, perhaps of different versions: whose schema is served, and who is called."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.core.discovery.reflection import EndpointsSource
from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.discovery.source import NoReflection, NotReady
from gateway.core.schema.description import NoSchema, Schema
from gateway.core.schema.selection import Selection
from gateway.features.catalog import Profile, build_catalog
from gateway.features.settings import Settings
from gateway_cli.checks import run_checks
from tests.support.needs import needs
from tests.support.patience import PATIENCE, until
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    free_port,
    running_cuebot,
    running_gateway,
    settings_for,
)
from tests.support.two_versions import ECHO, NEW, OLD, ChangingCuebot, Version, own_word

pytestmark = pytest.mark.anyio

SHOW = "/show.ShowInterface/GetShows"


# --- the source -----------------------------------------------------------------------------
@dataclass
class Scripted:
    """An endpoint, and the source that asks it."""

    says: Schema | Exception
    ready: bool = True
    unresponsive: bool = False

    async def usable(self, timeout: float) -> int:
        return int(self.ready)

    async def fetch(self) -> Schema:
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


class Cuebots:
    """What the source needs of Cuebot."""

    endpoint = "a:1,b:2"

    def __init__(self, *says: Schema | Exception) -> None:
        self.endpoints = tuple(map(Scripted, says))


def source_of(*says: Schema | Exception) -> tuple[EndpointsSource, tuple[Scripted, ...]]:
    cuebots: Any = Cuebots(*says)
    return EndpointsSource(cuebots, cuebots.endpoints), cuebots.endpoints


AWAY = NotReady("away")


@pytest.mark.parametrize(
    ("first", "second", "served"),
    [
        (OLD.schema, NEW.schema, OLD),
        (AWAY, NEW.schema, NEW),
        (NoSchema("empty"), NEW.schema, NEW),
        (NoReflection("none"), NEW.schema, NEW),
    ],
)
async def test_the_schema_is_that_of_the_first_that_answers(
    first: Schema | Exception, second: Schema, served: Version
) -> None:
    source, _ = source_of(first, second)
    schema = await source.fetch()
    assert (schema.digest, schema.confirmed) == (served.schema.digest, True)
    assert schema.origin == "reflection of a:1,b:2"


@pytest.mark.parametrize("trouble", [{"ready": False}, {"unresponsive": True}])
async def test_endpoints_that_work_come_first(trouble: dict[str, bool]) -> None:
    source, (first, _) = source_of(OLD.schema, NEW.schema)
    for name, value in trouble.items():
        setattr(first, name, value)
    assert (await source.fetch()).digest == NEW.schema.digest


@pytest.mark.parametrize(
    ("failures", "kind", "words"),
    [
        ((NotReady("a is away"), NotReady("b is away")), NotReady, "a is away; b is away"),
        ((AWAY, NoReflection("none")), NoReflection, "none"),
        ((NoReflection("none"), NoSchema("empty")), NoReflection, "none"),
        ((NoSchema("empty"), AWAY), NotReady, "away"),
        ((NoSchema("empty"), NoSchema("empty")), NoSchema, "empty"),
    ],
)
async def test_no_answer(
    failures: tuple[Exception, Exception], kind: type[Exception], words: str
) -> None:
    """A refusal, which leads to the installed package, counts most."""
    source, _ = source_of(*failures)
    with pytest.raises(kind) as caught:
        await source.fetch()
    assert str(caught.value) == words


async def test_an_endpoint_that_is_silent_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.core.discovery.reflection.SILENCE_SECONDS", 0.01)
    source, (first, _) = source_of(OLD.schema, NEW.schema)
    ended = asyncio.Event()

    async def silent() -> Schema:
        try:
            await asyncio.sleep(PATIENCE * 100)
        finally:
            ended.set()
        raise AssertionError("nobody waits for so long")

    monkeypatch.setattr(first, "fetch", silent)
    assert (await source.fetch()).digest == NEW.schema.digest
    assert ended.is_set()


async def test_a_bug_with_one_endpoint_hides_no_other() -> None:
    source, _ = source_of(ValueError("unexpected"), NEW.schema)
    assert (await source.fetch()).digest == NEW.schema.digest
    source, _ = source_of(ValueError("unexpected"), ValueError("again"))
    with pytest.raises(ValueError, match="unexpected"):
        await source.fetch()


async def test_a_refusal_counts_less_once_there_was_a_schema() -> None:
    source, (first, _) = source_of(OLD.schema, NoReflection("none"))
    await source.fetch()
    first.says = AWAY
    with pytest.raises(NotReady, match="away"):
        await source.fetch()


async def test_who_answers_first_is_no_change() -> None:
    source, (first, second) = source_of(OLD.schema, OLD.schema)
    live = LiveCatalog(source, Selection(), Profile(), build=build_catalog)
    assert await live.attempt()
    before = live.current
    with capture_logs() as logs:
        for one, other in ((first, second), (second, first)):
            one.says, other.says = AWAY, OLD.schema
            assert await live.attempt()
    assert (live.current, logs) == (before, [])


# --- gateways -------------------------------------------------------------------------------
@dataclass
class Farm:
    """Cuebots that come and go, each at an endpoint of its own."""

    cuebots: tuple[ChangingCuebot, ...]
    ports: tuple[int, ...]
    stacks: tuple[AsyncExitStack, ...]

    @property
    def settings(self) -> Settings:
        endpoints = ",".join(f"127.0.0.1:{port}" for port in self.ports)
        return settings_for(endpoints, rate_limit_rps=0)

    async def start(self, number: int) -> None:
        cuebot, port = self.cuebots[number], self.ports[number]
        await self.stacks[number].enter_async_context(running_cuebot(cuebot, port))

    async def stop(self, number: int) -> None:
        await self.stacks[number].aclose()


@asynccontextmanager
async def farm(*versions: Version, running: Iterable[int] = (0, 1)) -> AsyncIterator[Farm]:
    async with AsyncExitStack() as stack:
        made = Farm(
            tuple(ChangingCuebot(now=each) for each in versions),
            tuple(free_port() for _ in versions),
            tuple([await stack.enter_async_context(AsyncExitStack()) for _ in versions]),
        )
        for number in running:
            await made.start(number)
        async with asyncio.timeout(PATIENCE):
            yield made


async def until_usable(gateway: Gateway, number: int) -> None:
    """Until as many Cuebots can be called."""
    await until(lambda: sum(each.ready for each in gateway.app.parts.upstream.endpoints) == number)


async def until_echo(gateway: Gateway, version: Version) -> None:
    """Until the schema of this version is served."""
    while (await gateway.post(ECHO, {"word": "x"})).json() != own_word("x", version):  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def test_stock_cuebots_are_all_the_same() -> None:
    """Without reflection, calls are spread over all of them."""
    one, two = (ScriptedCuebot(reflection=()) for _ in range(2))
    async with running_cuebot(one), running_cuebot(two):
        for cuebot in (one, two):
            cuebot.answers(SHOW, b"")
        settings = settings_for(f"{one.endpoint},{two.endpoint}")
        async with running_gateway(settings) as gateway, asyncio.timeout(PATIENCE):
            await until_usable(gateway, 2)
            assert not gateway.catalog.schema.confirmed
            for _ in range(4):
                assert (await gateway.post(SHOW, {})).status_code == 200
    assert [len(cuebot.seen) for cuebot in (one, two)] == [2, 2]


async def test_an_upgrade_one_by_one() -> None:
    async with farm(OLD, OLD) as two, running_gateway(two.settings) as gateway:
        await until_usable(gateway, 2)
        for number in range(2):
            await two.stop(number)
            await until_usable(gateway, 1)
            await until_echo(gateway, NEW if number else OLD)
            two.cuebots[number].now = NEW
            await two.start(number)
            await until_usable(gateway, 2)
            await until_echo(gateway, NEW)
        for cuebot in two.cuebots:
            cuebot.seen.clear()
        for _ in range(4):
            answer = await gateway.post(ECHO, {"word": "x"})
            assert (answer.json(), answer.headers["x-schema"]) == (own_word("x", NEW), NEW.tag)
        assert [len(cuebot.seen) for cuebot in two.cuebots] == [2, 2]


async def test_a_method_that_one_cuebot_lacks_is_called_at_the_other() -> None:
    async with farm(NEW, OLD) as two, running_gateway(two.settings) as gateway:
        two.cuebots[0].handlers.pop(OLD.own_path)
        two.cuebots[1].handlers.pop(NEW.own_path)
        await until_usable(gateway, 2)
        await until_echo(gateway, NEW)
        for _ in range(4):
            answer = await gateway.post(NEW.own_path, {"word": "x"})
            assert answer.json() == own_word("x", NEW)
        two.cuebots[0].handlers.pop(NEW.own_path)
        answer = await gateway.post(NEW.own_path, {"word": "x"})
        assert (answer.status_code, answer.json()["error"]) == (501, "UNIMPLEMENTED")


@needs("health")
async def test_without_any_it_is_not_ready() -> None:
    async with (
        farm(OLD, OLD, running=[]) as two,
        running_gateway(two.settings, ready=False) as gateway,
    ):
        answer = await gateway.client.get("/readyz")
        assert (answer.status_code, answer.json()["endpoints"]) == (503, {"usable": 0, "of": 2})
        await two.start(1)
        await until_usable(gateway, 1)
        await until(lambda: gateway.app.parts.live.current is not None)
        answer = await gateway.client.get("/readyz")
        assert (answer.status_code, answer.json()["endpoints"]) == (200, {"usable": 1, "of": 2})


async def test_check_lists_all_of_them() -> None:
    async with farm(OLD, NEW) as two:
        report = await run_checks(two.settings)
        here, there = (cuebot.endpoint for cuebot in two.cuebots)
        assert (report.problems, report.warnings) == ([], [])
        text = "\n".join(report.lines())
        assert f"Cuebot     {here} answers\n           {there} answers\n" in text
        said: Any = report.as_object()
        assert said["endpoints"] == report.endpoints == {here: True, there: True}
        assert said["cuebot"] == {"endpoint": f"{here},{there}", "answers": True}
        await two.stop(0)
        report = await run_checks(two.settings)
        assert (report.problems, report.endpoints) == ([], {here: False, there: True})
        (warning,) = report.warnings
        assert warning.startswith(f"CUEBOT_ENDPOINT: {here}: Cuebot cannot be reached: ")
        await two.stop(1)
        report = await run_checks(two.settings)
    assert [problem.partition(": ")[0] for problem in report.problems] == ["CUEBOT_ENDPOINT"] * 2
    assert not report.answers
