"""Cuebots that describe themselves differently: what is served, by whom, and who is told."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from structlog.testing import capture_logs

from gateway.discovery import endpoints, refresh
from gateway.discovery.endpoints import EndpointsSource
from gateway.discovery.refresh import LiveCatalog
from gateway.discovery.source import NoReflection, NotReady
from gateway.schema.description import NoSchema, OtherSchema, Schema
from gateway.schema.selection import Selection
from gateway.settings.model import Settings
from gateway_cli.checks import run_checks
from tests.support.patience import PATIENCE
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    free_port,
    running_cuebot,
    running_gateway,
    settings_for,
)
from tests.support.two_versions import (
    ECHO,
    NEW,
    OLD,
    ChangingCuebot,
    Version,
    own_word,
)

A, B, C = "a:1", "b:2", "c:3"
SHOW = "/show.ShowInterface/GetShows"


# --- asking them ----------------------------------------------------------------------------


@dataclass
class Scripted:
    """A source that says what it is told to, once it may."""

    says: Schema | Exception
    may: asyncio.Event = field(default_factory=asyncio.Event)
    times: int = 0

    def __post_init__(self) -> None:
        self.may.set()

    async def fetch(self) -> Schema:
        self.times += 1
        await self.may.wait()
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


def source_of(*says: Schema | Exception) -> tuple[EndpointsSource, list[Scripted]]:
    """The source over endpoints A, B, C, and what is behind each."""
    scripted = [Scripted(each) for each in says]
    return EndpointsSource(dict(zip((A, B, C), scripted, strict=False))), scripted


@pytest.mark.anyio
async def test_endpoints_that_say_the_same_are_one() -> None:
    """There is nothing to tell apart, and the origin names all of them."""
    source, _ = source_of(OLD.schema, OLD.schema)
    schema = await source.fetch()
    assert (schema.digest, schema.confirmed) == (OLD.schema.digest, True)
    assert (schema.others, schema.unasked) == ((), ())
    assert schema.origin == f"reflection of {A}, {B}"


@pytest.mark.anyio
async def test_the_first_that_answers_says_what_the_schema_is() -> None:
    """The order is that of CUEBOT_ENDPOINT; which endpoints have another schema is told."""
    source, (first, *_) = source_of(OLD.schema, NEW.schema, NEW.schema)
    schema = await source.fetch()
    assert (schema.digest, schema.origin) == (OLD.schema.digest, f"reflection of {A}")
    assert schema.others == (OtherSchema(digest=NEW.schema.digest, endpoints=(B, C)),)
    first.says = NotReady("away")
    schema = await source.fetch()
    assert (schema.digest, schema.origin) == (NEW.schema.digest, f"reflection of {B}, {C}")
    assert schema.others == (OtherSchema(digest=OLD.schema.digest, endpoints=(A,)),)
    assert schema.unasked == (A,)


@pytest.mark.anyio
@pytest.mark.parametrize("failure", [NotReady("x"), NoSchema("x"), RuntimeError("x")])
async def test_one_that_cannot_be_asked_is_taken_to_be_as_the_first(failure: Exception) -> None:
    """It fails nothing, and has to be asked again."""
    source, _ = source_of(failure, OLD.schema)
    schema = await source.fetch()
    assert (schema.digest, schema.others, schema.unasked) == (OLD.schema.digest, (), (A,))


@pytest.mark.anyio
async def test_one_without_reflection_need_not_be_asked_again_soon() -> None:
    """It has answered, and there is nothing to compare."""
    source, (_, other) = source_of(OLD.schema, NEW.schema)
    await source.fetch()
    other.says = NoReflection("none")
    schema = await source.fetch()
    assert (schema.digest, schema.others, schema.unasked) == (OLD.schema.digest, (), ())


@pytest.mark.anyio
async def test_nobody_waits_long_for_a_slow_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that does not answer in time counts as one that cannot be asked."""
    monkeypatch.setattr(endpoints, "OTHERS_TIMEOUT", 0.01)
    source, (slow, _) = source_of(OLD.schema, NEW.schema)
    slow.may.clear()
    async with asyncio.timeout(PATIENCE):
        schema = await source.fetch()
        assert (schema.digest, schema.others, schema.unasked) == (NEW.schema.digest, (), (A,))
        slow.may.set()
        monkeypatch.undo()
        assert (await source.fetch()).digest == OLD.schema.digest


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("failures", "kind", "words"),
    [
        ((NotReady("a is away"), NotReady("b is away")), NotReady, "a is away; b is away"),
        ((NotReady("away"), NoReflection("none")), NoReflection, "none"),
        ((NoReflection("none"), NoSchema("empty")), NoReflection, "none"),
        ((NoSchema("empty"), NotReady("away")), NotReady, "away"),
        ((NoSchema("empty"), NoSchema("empty")), NoSchema, "empty"),
    ],
)
async def test_when_nobody_answers(
    failures: tuple[Exception, Exception], kind: type[Exception], words: str
) -> None:
    """What is raised leads to a fallback only when an endpoint has refused."""
    source, _ = source_of(*failures)
    with pytest.raises(kind) as caught:
        await source.fetch()
    assert str(caught.value) == words


@pytest.mark.anyio
async def test_a_description_that_is_away_is_no_refusal() -> None:
    """When the only endpoint with reflection is away, what it said is not given up."""
    source, (first, _) = source_of(OLD.schema, NoReflection("none"))
    await source.fetch()
    first.says = NotReady("away")
    with pytest.raises(NotReady):
        await source.fetch()


# --- what is told ---------------------------------------------------------------------------


@pytest.mark.anyio
async def test_who_answers_first_is_no_change() -> None:
    """Endpoints that say the same can come and go without a new catalog."""
    source, (first, second) = source_of(OLD.schema, OLD.schema)
    live = LiveCatalog(source, Selection())
    assert await live.attempt()
    before = live.current
    with capture_logs() as logs:
        for one, other in ((first, second), (second, first)):
            one.says, other.says = NotReady("away"), OLD.schema
            for _ in range(2):
                assert await live.attempt()
    assert live.current is before
    assert logs == [
        {
            "event": "an endpoint is not compared",
            "log_level": "warning",
            "endpoint": name,
            "reason": "away",
        }
        for name in (A, B)
    ]


@pytest.mark.anyio
async def test_one_that_could_not_be_asked_is_asked_again_soon(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Without an interval too, until it has described itself; then it is left alone."""
    monkeypatch.setattr(refresh, "LONGEST_REFRESH_PAUSE", 0.001)
    source, (_, second) = source_of(OLD.schema, NotReady("away"))
    live = LiveCatalog(source, Selection(), every=0)
    running = asyncio.create_task(live.run())
    async with asyncio.timeout(PATIENCE):
        while second.times < 3:  # noqa: ASYNC110 - it is its turn
            await asyncio.sleep(0)
        second.says = NEW.schema
        while not live.others:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.001)
        asked = second.times
        for _ in range(1000):
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert second.times == asked


@pytest.mark.anyio
async def test_the_log_tells_a_difference_once() -> None:
    """One line says which endpoint has which schema, and one when all have the same again."""
    source, (_, second) = source_of(OLD.schema, NEW.schema)
    live = LiveCatalog(source, Selection())
    with capture_logs() as logs:
        for _ in range(2):
            assert await live.attempt()
    (line,) = [each for each in logs if each["log_level"] == "warning"]
    assert line == {
        "event": "the Cuebots have different schemas",
        "log_level": "warning",
        "endpoints": (B,),
        "digest": NEW.tag,
        "served": OLD.tag,
    }
    assert live.others == (OtherSchema(digest=NEW.schema.digest, endpoints=(B,)),)
    second.says = OLD.schema
    with capture_logs() as logs:
        for _ in range(2):
            assert await live.attempt()
    assert [each["event"] for each in logs] == [
        "schema changed",
        "the Cuebots have the same schema again",
    ]
    assert not live.others


# --- the whole ------------------------------------------------------------------------------


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
    """Cuebots of these versions."""
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


async def state(gateway: Gateway) -> Any:
    return (await gateway.client.get("/readyz")).json()


async def until(gateway: Gateway, **wanted: object) -> None:
    """Until /readyz says so; None is what it does not say."""
    while True:
        said = await state(gateway)
        if all(said.get(name) == value for name, value in wanted.items()):
            return
        await asyncio.sleep(0.01)


ALL = {"usable": 2, "of": 2}
ONE = {"usable": 1, "of": 2}


@pytest.mark.anyio
async def test_the_schema_of_the_first_is_served() -> None:
    """Another one is told of, without addresses to those who have no token."""
    async with farm(OLD, NEW) as two, running_gateway(two.settings) as gateway:
        await until(gateway, endpoints=ALL, schemas="differ")
        for _ in range(2):
            answer = await gateway.post(ECHO, {"word": "x"})
            assert answer.headers["x-schema"] == OLD.tag
        assert (await gateway.post(NEW.own_path, {})).status_code == 404
        assert "127.0.0.1" not in (await gateway.client.get("/readyz")).text


@pytest.mark.anyio
async def test_stock_cuebots_are_all_the_same() -> None:
    """Without reflection there is nothing to compare: calls are spread over all of them."""
    stock = [ScriptedCuebot(reflection=()) for _ in range(2)]
    for cuebot in stock:
        cuebot.answers(SHOW, b"")
    async with AsyncExitStack() as stack:
        for cuebot in stock:
            await stack.enter_async_context(running_cuebot(cuebot))
        settings = settings_for(",".join(cuebot.endpoint for cuebot in stock))
        gateway = await stack.enter_async_context(running_gateway(settings))
        async with asyncio.timeout(PATIENCE):
            await until(gateway, endpoints=ALL, schema="assumed", schemas=None)
            for _ in range(4):
                assert (await gateway.post(SHOW, {})).status_code == 200
    assert [len(cuebot.seen) for cuebot in stock] == [2, 2]


@pytest.mark.anyio
async def test_an_upgrade_one_by_one() -> None:
    """While one Cuebot is replaced after the other, what is served follows the first of them."""
    async with farm(OLD, OLD) as two, running_gateway(two.settings) as gateway:
        await until(gateway, endpoints=ALL, schemas=None)
        for number in range(2):
            await two.stop(number)
            await until(gateway, endpoints=ONE)
            answer = await gateway.post(ECHO, {"word": "x"})
            assert answer.json() == own_word("x", NEW if number else OLD)
            two.cuebots[number].now = NEW
            await two.start(number)
            await until(gateway, endpoints=ALL, schemas=None if number else "differ")
        for cuebot in two.cuebots:
            cuebot.seen.clear()
        for _ in range(4):
            answer = await gateway.post(ECHO, {"word": "x"})
            assert answer.json() == own_word("x", NEW)
        assert [len(cuebot.seen) for cuebot in two.cuebots] == [2, 2]


@pytest.mark.anyio
async def test_the_first_goes_away_for_good() -> None:
    """The schema of the other one is served, without waiting for a refresh."""
    async with farm(OLD, NEW) as two, running_gateway(two.settings) as gateway:
        await until(gateway, endpoints=ALL, schemas="differ")
        await two.stop(0)
        while (answer := await gateway.post(NEW.own_path, {"word": "x"})).status_code != 200:
            assert answer.status_code in (404, 503)
        assert answer.json() == own_word("x", NEW)
        assert (await gateway.post(OLD.own_path, {})).status_code == 404


@pytest.mark.anyio
async def test_one_that_was_not_there_describes_itself_when_it_comes() -> None:
    """Until then it is taken to be as the first."""
    async with farm(OLD, NEW, running=[0]) as two, running_gateway(two.settings) as gateway:
        await until(gateway, status="ok", endpoints=ONE, schemas=None)
        await two.start(1)
        await until(gateway, endpoints=ALL, schemas="differ")


@pytest.mark.anyio
async def test_without_any_it_is_not_ready() -> None:
    """Readiness needs one of them."""
    async with (
        farm(OLD, OLD, running=[]) as two,
        running_gateway(two.settings, ready=False) as gateway,
    ):
        answer = await gateway.client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["endpoints"] == {"usable": 0, "of": 2}
        await two.start(1)
        await until(gateway, status="ok", endpoints=ONE)


@pytest.mark.anyio
async def test_check_lists_all_of_them() -> None:
    """Each with its answer, and those that have another schema with its digest."""
    async with farm(OLD, NEW) as two:
        report = await run_checks(two.settings)
        here, there = (cuebot.endpoint for cuebot in two.cuebots)
        assert report.problems == []
        assert report.endpoints == {here: True, there: True}
        (warning,) = report.warnings
        assert warning.startswith(f"{there}: another schema")
        text = "\n".join(report.lines())
        assert f"Cuebot     {here} answers\n           {there} answers\n" in text
        assert f"Differs    {there}: digest {NEW.schema.digest}\n" in text
        said: Any = report.as_object()
        assert said["schema"]["differences"] == [
            {"digest": NEW.schema.digest, "endpoints": (there,)},
        ]
        assert said["endpoints"] == {here: True, there: True}
        assert said["cuebot"] == {"endpoint": f"{here},{there}", "answers": True}
        await two.stop(0)
        report = await run_checks(two.settings)
    assert report.problems == []
    assert report.endpoints == {here: False, there: True}
    (warning,) = report.warnings
    assert warning.startswith(f"CUEBOT_ENDPOINT: {here}: Cuebot cannot be reached: ")


@pytest.mark.anyio
async def test_check_without_any() -> None:
    """All of them are problems then."""
    async with farm(OLD, OLD, running=[]) as two:
        report = await run_checks(two.settings)
    assert [problem.partition(": ")[0] for problem in report.problems] == ["CUEBOT_ENDPOINT"] * 2
    assert not report.answers
