"""Cuebots that describe themselves differently: what is served, by whom, and who is told."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from structlog.testing import capture_logs

from gateway.cli.client.cuebot import calling_cuebot
from gateway.cli.commands.check import as_object, lines
from gateway.cli.report import examine
from gateway.discovery import endpoints, refresh
from gateway.discovery.endpoints import EndpointsSource
from gateway.discovery.refresh import LiveCatalog
from gateway.schema.catalog import Catalog, build_catalog
from gateway.schema.description import NoReflection, NoSchema, NotReady, Schema
from gateway.schema.homes import Difference, Places
from gateway.schema.selection import Selection
from gateway.settings.model import Settings
from tests.support.opencue import opencue
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
    LIST,
    NEW,
    OLD,
    SERVICE,
    ChangingCuebot,
    Version,
    own_word,
)

PATIENCE = 20.0
A, B, C = "a:1", "b:2", "c:3"
WATCH = f"/{SERVICE}/Watch"


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


def places_of(schema: Schema) -> dict[str, set[str]]:
    """Digest to endpoints."""
    return {each.digest: set(each.endpoints) for each in (schema, *schema.others)}


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
    """The order is that of CUEBOT_ENDPOINT; what others say otherwise is kept beside it."""
    source, (first, *_) = source_of(OLD.schema, NEW.schema, NEW.schema)
    schema = await source.fetch()
    assert schema.digest == OLD.schema.digest
    assert places_of(schema) == {OLD.schema.digest: {A}, NEW.schema.digest: {B, C}}
    first.says = NotReady("away")
    schema = await source.fetch()
    assert schema.digest == NEW.schema.digest
    assert places_of(schema) == {OLD.schema.digest: {A}, NEW.schema.digest: {B, C}}
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
    monkeypatch.setattr(endpoints, "OTHERS_PATIENCE", 0.01)
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


# --- what is the same -----------------------------------------------------------------------


def both(one: Schema, other: Schema) -> Schema:
    """What A and B say."""
    return replace(
        one, endpoints=frozenset({A}), others=(replace(other, endpoints=frozenset({B})),)
    )


def changed(schema: Schema, file: str, change: Any) -> Schema:
    """The schema with one file changed."""
    files = []
    for each in schema.files:
        copy = FileDescriptorProto()
        copy.CopyFrom(each)
        if copy.name == file:
            change(copy)
        files.append(copy)
    return replace(schema, files=tuple(files))


def message_of(file: FileDescriptorProto, name: str) -> Any:
    return next(each for each in file.message_type if each.name == name)


def enum_of(file: FileDescriptorProto, name: str) -> Any:
    return next(each for each in file.enum_type if each.name == name)


FRAME, SHOW = "/job.FrameInterface/GetFrame", "/show.ShowInterface/GetShows"
CHANGES = {
    "a field": lambda file: message_of(file, "Frame").field.add(
        name="more", number=900, type=9, label=1
    ),
    "a number": lambda file: setattr(message_of(file, "Frame").field[0], "number", 900),
    "a type": lambda file: setattr(message_of(file, "Frame").field[0], "type", 12),
    "an enum value": lambda file: enum_of(file, "FrameState").value.add(name="MORE", number=900),
    "the request": lambda file: message_of(file, "FrameGetFrameRequest").field.add(
        name="more", number=900, type=9, label=1
    ),
    "the presence of fields": lambda file: setattr(file, "syntax", "proto2"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_method_whose_types_differ_at_any_depth_is_another(change: Any) -> None:
    """It goes only to who describes it as its codec was made; other methods go to all."""
    places = Places(both(opencue(), changed(opencue(), "job.proto", change)))
    for number, home in enumerate((A, B)):
        assert places.homes(number)[FRAME] == frozenset({home})
        assert places.homes(number)["/subscription.SubscriptionInterface/Delete"] is None
    (difference,) = places.differences()
    assert FRAME in difference.other_types
    assert difference.endpoints == (B,)


def test_what_makes_no_difference_to_a_method() -> None:
    """A message, method or option elsewhere leaves a method with all endpoints."""

    def change(file: FileDescriptorProto) -> None:
        file.message_type.add(name="More")
        file.options.java_package = "elsewhere"
        message_of(file, "Frame").reserved_name.append("older")
        file.service[0].method.add(
            name="GetMore", input_type=".job.Frame", output_type=".job.Frame"
        )

    schema = both(opencue(), changed(opencue(), "job.proto", change))
    catalog = build_catalog(schema, Selection())
    more = f"/job.{opencue_service()}/GetMore"
    assert catalog.routes[FRAME].homes is None
    assert catalog.routes[more].homes == frozenset({B})
    assert {path for path, method in catalog.routes.items() if method.homes} >= {more}
    assert all(method.homes is None for method in catalog.methods if method.path != more)
    assert catalog.differences == (
        Difference(endpoints=(B,), only_there=(more,), not_there=(), other_types=()),
    )


def opencue_service() -> str:
    """The first service of job.proto."""
    (file,) = (each for each in opencue().files if each.name == "job.proto")
    return file.service[0].name


def test_each_method_has_a_home() -> None:
    """The first schema is served as it is; of the other one what the first does not have."""
    catalog = build_catalog(both(OLD.schema, NEW.schema), Selection())
    homes = {path: method.homes for path, method in catalog.routes.items() if SERVICE in path}
    of_first = dict.fromkeys((ECHO, LIST, WATCH, OLD.own_path), frozenset({A}))
    assert homes == of_first | {NEW.own_path: frozenset({B})}
    fields = catalog.routes[NEW.own_path].descriptor.output_type.fields_by_name
    assert NEW.own in fields
    assert catalog.digest == OLD.schema.digest
    (difference,) = catalog.differences
    assert difference == Difference(
        endpoints=(B,),
        only_there=(NEW.own_path,),
        not_there=(OLD.own_path,),
        other_types=(ECHO, LIST, WATCH),
    )


def test_what_is_withheld_is_withheld_everywhere() -> None:
    """A method that only another endpoint has is under the same rules."""
    schema = both(OLD.schema, NEW.schema)
    catalog = build_catalog(schema, Selection(exclude=(f"{SERVICE}/GetOnlyNew",)))
    assert NEW.own_path not in catalog.routes
    assert NEW.own_path in catalog.withheld
    assert catalog.idle_globs == ()


def test_another_schema_that_cannot_be_used_does_no_harm() -> None:
    """Nothing goes there that it does not have."""
    broken = replace(OLD.schema, files=())
    catalog = build_catalog(both(OLD.schema, broken), Selection())
    assert {method.homes for method in catalog.methods} == {frozenset({A})}


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
        while not (live.current and live.current.differences):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.001)
        asked = second.times
        for _ in range(1000):
            await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert second.times == asked


@pytest.mark.anyio
async def test_the_log_tells_a_difference_once() -> None:
    """One line says which endpoint and which methods, and one when there are other methods."""
    source, (_, second) = source_of(OLD.schema, NEW.schema)
    live = LiveCatalog(source, Selection())
    with capture_logs() as logs:
        for _ in range(2):
            assert await live.attempt()
    (line,) = [each for each in logs if each["log_level"] == "warning"]
    assert line == {
        "event": "the Cuebots have different schemas",
        "log_level": "warning",
        "endpoints": [B],
        "only_there": [NEW.own_path],
        "not_there": [OLD.own_path],
        "other_types": [ECHO, LIST, WATCH],
    }
    second.says = OLD.schema
    with capture_logs() as logs:
        assert await live.attempt()
    (line,) = logs
    assert (line["event"], line["methods_removed"]) == ("schema changed", [NEW.own_path])
    assert served(live).differences == ()


def served(live: LiveCatalog) -> Catalog:
    assert live.current is not None
    return live.current


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
async def test_methods_find_their_homes() -> None:
    """Each call goes where it is understood, and comes back as who answered means it."""
    async with farm(OLD, NEW) as two, running_gateway(two.settings) as gateway:
        await until(gateway, endpoints=ALL, schemas="differ")
        old, new = two.cuebots
        for _ in range(3):
            answer = await gateway.post(ECHO, {"word": "x"})
            assert answer.json() == own_word("x", OLD)
        assert [path for path, *_ in new.seen] == []
        answer = await gateway.post(NEW.own_path, {"word": "x"})
        assert answer.json() == own_word("x", NEW)
        assert [path for path, *_ in new.seen] == [NEW.own_path]
        assert NEW.own_path not in [path for path, *_ in old.seen]
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
    """While one Cuebot is replaced after the other, what is served follows."""
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
    """What the other one has is served as that describes it, without waiting for a refresh."""
    async with farm(OLD, NEW) as two, running_gateway(two.settings) as gateway:
        await until(gateway, endpoints=ALL, schemas="differ")
        await two.stop(0)
        while (answer := await gateway.post(ECHO, {"word": "x"})).status_code != 200:
            assert answer.status_code == 503
        assert answer.json() == own_word("x", NEW)
        assert (await gateway.post(OLD.own_path, {})).status_code == 503
        assert (await gateway.post(NEW.own_path, {})).status_code == 200


@pytest.mark.anyio
async def test_one_that_was_not_there_describes_itself_when_it_comes() -> None:
    """Until then it is taken to be as the first."""
    async with farm(OLD, NEW, running=[0]) as two, running_gateway(two.settings) as gateway:
        await until(gateway, status="ok", endpoints=ONE, schemas=None)
        await two.start(1)
        await until(gateway, endpoints=ALL, schemas="differ")
        assert (await gateway.post(NEW.own_path, {})).status_code == 200


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
    """Each with its answer, and the differences by method."""
    async with farm(OLD, NEW) as two:
        report = await examine(two.settings)
        here, there = (cuebot.endpoint for cuebot in two.cuebots)
        assert report.problems == []
        assert report.endpoints == {here: True, there: True}
        (warning,) = report.warnings
        assert warning.startswith(f"{there}: another schema")
        text = "\n".join(lines(report))
        assert f"Cuebot     {here} answers\n           {there} answers\n" in text
        assert f"Differs    {there}\n           {NEW.own_path} is only there\n" in text
        assert f"           {OLD.own_path} is not there\n" in text
        assert f"           {ECHO} has another request or answer there\n" in text
        said = as_object(report)
        assert said["endpoints"] == {here: True, there: True}
        assert said["cuebot"] == {"endpoint": f"{here},{there}", "answers": True}
        await two.stop(0)
        report = await examine(two.settings)
    assert report.problems == []
    assert report.endpoints == {here: False, there: True}
    (warning,) = report.warnings
    assert warning.startswith(f"CUEBOT_ENDPOINT: {here}: Cuebot cannot be reached: ")


@pytest.mark.anyio
async def test_check_without_any() -> None:
    """All of them are problems then."""
    async with farm(OLD, OLD, running=[]) as two:
        report = await examine(two.settings)
    assert [problem.partition(": ")[0] for problem in report.problems] == ["CUEBOT_ENDPOINT"] * 2
    assert not report.answers


@pytest.mark.anyio
async def test_call_finds_the_home_of_a_method() -> None:
    """The command line's own calls are spread and routed as the gateway's."""
    async with farm(OLD, NEW) as two, calling_cuebot(two.settings, PATIENCE) as caller:
        for version in (OLD, NEW):
            answer = await caller.call(version.own_path, b'{"word": "x"}')
            assert b"".join(answer.pieces).decode().find(version.name) > 0
    assert [path for path, *_ in two.cuebots[0].seen] == [OLD.own_path]
    assert [path for path, *_ in two.cuebots[1].seen] == [NEW.own_path]
