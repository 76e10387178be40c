"""Live refresh: when the schema is looked at again, what a change does, and what a failure."""

import asyncio
import gc
import signal
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import cycle, islice
from pathlib import Path
from types import FrameType
from typing import Any
from weakref import ref

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message_factory import GetMessageClass
from structlog.testing import capture_logs

from gateway.core.discovery import refresh, schedule
from gateway.core.discovery.refresh import LiveCatalog, warm
from gateway.core.discovery.source import AutoSource, DescriptorSource, NoReflection, NotReady
from gateway.core.errors import ConfigurationError
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.description import NoSchema, Schema, Skipped, assumed_schema
from gateway.core.schema.selection import Selection
from gateway.features.catalog import Profile, build_catalog, load_profile
from gateway.features.settings import Settings
from tests.support.needs import needs
from tests.support.opencue import opencue
from tests.support.patience import PATIENCE
from tests.support.processes import instance, until
from tests.support.rights import rule
from tests.support.scraping import scrape_of
from tests.support.servers import (
    Context,
    Gateway,
    ScriptedCuebot,
    free_port,
    gateway_for,
    head,
    running_cuebot,
)
from tests.support.tcp_proxy import tcp_proxy
from tests.support.two_versions import (
    BOTH,
    ECHO,
    LIST,
    NEW,
    OLD,
    SERVICE,
    STREAM,
    ChangingCuebot,
    Version,
    own_word,
    own_words,
)
from tests.support.wire import wire

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

SWAPS = 12
EMPTY = Schema(files=(), services=(), origin="test", confirmed=True)
NOTHING_NEW = "the schema could not be refreshed: "


@dataclass
class ScriptedSource:
    """A source that says what it is told to, and notes that it was asked."""

    says: Schema | Exception = OLD.schema
    asked: asyncio.Queue[int] = field(default_factory=asyncio.Queue)
    times: int = 0

    async def fetch(self) -> Schema:
        self.times += 1
        self.asked.put_nowait(self.times)
        if isinstance(self.says, Exception):
            raise self.says
        return self.says


@asynccontextmanager
async def kept_up(source: ScriptedSource, every: float = 0) -> AsyncIterator[LiveCatalog]:
    """A catalog that is being kept up to date."""
    live = LiveCatalog(source, Selection(), Profile(), build=build_catalog, every=every)
    running = asyncio.create_task(live.run())
    try:
        async with asyncio.timeout(PATIENCE):
            await live.wait()
            yield live
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def look(live: LiveCatalog, source: ScriptedSource) -> None:
    """Ask for a look, and wait until it has begun: the one before has ended then."""
    before = source.times
    live.request_refresh()
    while await source.asked.get() <= before:
        pass


def served(live: LiveCatalog) -> Catalog:
    """What there is now."""
    assert live.current is not None
    return live.current


async def loaded(source: DescriptorSource, selection: Selection | None = None) -> LiveCatalog:
    """A catalog that has asked its source once."""
    live = LiveCatalog(source, selection or Selection(), Profile(), build=build_catalog)
    assert await live.attempt()
    return live


async def finds(live: LiveCatalog, source: ScriptedSource, version: Version) -> None:
    """The source says something else, and is asked."""
    source.says = version.schema
    assert await live.attempt()


def told(logs: list[Any], event: str) -> list[Any]:
    return [line for line in logs if line["event"] == event]


# --- when it looks --------------------------------------------------------------------------
async def test_the_source_is_asked_again_and_again() -> None:
    source = ScriptedSource()
    async with kept_up(source, every=0.001):
        while await source.asked.get() < 5:
            pass


async def test_without_an_interval_it_is_asked_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which cuts the pause after a failure short: a Cuebot that is back is not kept waiting."""
    monkeypatch.setattr(schedule, "FIRST_PAUSE_SECONDS", 3600)
    source = ScriptedSource()
    async with kept_up(source) as live:
        for _ in range(1000):
            await asyncio.sleep(0)
        assert source.times == 1
        source.says = NotReady("scripted")
        for _ in range(2):
            await look(live, source)
        assert live.history.problem
        source.says = NEW.schema
        for _ in range(2):
            await look(live, source)
        assert served(live).schema.digest == NEW.schema.digest


@dataclass
class SlowSource(ScriptedSource):
    """Its second answer waits."""

    reading: asyncio.Event = field(default_factory=asyncio.Event)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def fetch(self) -> Schema:
        schema = await super().fetch()
        if self.times == 2:
            self.reading.set()
            await self.go_on.wait()
        return schema


async def test_a_request_during_a_look_is_not_lost() -> None:
    source = SlowSource()
    async with kept_up(source) as live:
        live.request_refresh()
        await source.reading.wait()
        live.request_refresh()
        source.go_on.set()
        while await source.asked.get() < 3:
            pass


async def test_a_feature_that_cannot_read_a_schema_stops_nobody() -> None:
    source, broken = ScriptedSource(), threading.Event()

    def build(*given: Any) -> Catalog:
        if broken.is_set():
            raise ConfigurationError("the feature 'own' is broken")
        return build_catalog(*given)

    live = LiveCatalog(source, Selection(), Profile(), build=build)
    assert await live.attempt()
    source.says = NEW.schema
    broken.set()
    assert not await live.attempt()
    assert served(live).schema.digest == OLD.schema.digest
    problem = "the schema could not be refreshed: the feature 'own' is broken"
    assert live.history.problem == problem
    broken.clear()
    await finds(live, source, NEW)
    assert (live.history.problem, live.history.broken) == ("", ())


# --- what is to be withheld -----------------------------------------------------------------
def only(*exclude: str) -> Selection:
    return Selection(exclude=exclude)


async def test_nothing_is_served_while_a_glob_matches_nothing() -> None:
    source = ScriptedSource()
    live = LiveCatalog(source, only(NEW.own_path[1:]), Profile(), build=build_catalog)
    with capture_logs() as logs:
        for _ in range(2):
            assert await live.attempt()
    assert live.current is None
    (line,) = logs
    assert line["log_level"] == "error"
    assert line["event"] == live.history.problem == live.globs.unmatched[0]
    assert f"EXCLUDE_SERVICES: {NEW.own_path[1:]} matches nothing" in live.history.problem
    assert f"; did you mean {OLD.own_path[1:]}?" in live.history.problem
    await finds(live, source, NEW)
    assert NEW.own_path in served(live).absent.withheld
    assert (live.history.problem, live.globs.unmatched) == ("", ())


async def test_a_glob_that_matches_nothing_any_more_is_an_error_that_stops_nobody() -> None:
    source = ScriptedSource()
    live = await loaded(source, only(OLD.own_path[1:]))
    source.says = NEW.schema
    with capture_logs() as logs:
        for _ in range(2):
            assert await live.attempt()
    assert served(live).schema.digest == NEW.schema.digest
    (line,) = [each for each in logs if each["log_level"] == "error"]
    assert (line["problem"],) == live.globs.unmatched
    assert OLD.own_path[1:] in line["problem"]
    await finds(live, source, OLD)
    assert not live.globs.unmatched


async def test_an_exclusion_holds_at_once() -> None:
    source = SlowSource()
    live = await loaded(source)
    source.says = NEW.schema
    looking = asyncio.create_task(live.attempt())
    await source.reading.wait()
    use = await asyncio.to_thread(live.prepare, only(ECHO[1:]), Profile())
    assert ECHO in served(live).routes
    use()
    assert (ECHO in served(live).routes, LIST in served(live).routes) == (False, True)
    source.go_on.set()
    assert await looking
    assert served(live).schema.digest == NEW.schema.digest
    assert ECHO not in served(live).routes


async def test_an_exclusion_is_not_lost_to_a_catalog_that_is_being_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = ScriptedSource()
    live = await loaded(source)
    source.says = NEW.schema

    async def meanwhile(catalog: Catalog) -> None:
        monkeypatch.setattr(refresh, "warm", warm)
        live.prepare(only(ECHO[1:]), Profile())()

    monkeypatch.setattr(refresh, "warm", meanwhile)
    assert await live.attempt()
    assert served(live).schema.digest == NEW.schema.digest
    assert ECHO not in served(live).routes


async def test_new_globs_that_match_nothing_are_refused() -> None:
    source = ScriptedSource()
    live = await loaded(source, only(OLD.own_path[1:]))
    before = live.current
    with pytest.raises(ConfigurationError, match=r"EXCLUDE_SERVICES: .* matches"):
        live.prepare(only(OLD.own_path[1:], ECHO[1:], "trial.Nothing"), Profile())
    assert live.current is before
    await finds(live, source, NEW)
    live.prepare(only(OLD.own_path[1:], ECHO[1:]), Profile())()
    assert ECHO not in served(live).routes
    assert OLD.own_path[1:] in live.globs.unmatched[0]


@needs("access")
async def test_what_access_rules_take_away_is_looked_at_as_exclusions_are() -> None:
    from gateway.features.access.rights import AccessRules

    old = Settings.model_validate({"access": [rule("all", {}, "all", f"!{OLD.own_path[1:]}")]})
    source = ScriptedSource(NEW.schema)
    rules = AccessRules(old)
    live = LiveCatalog(source, Selection(), Profile(), build=build_catalog)
    live.globs.others.append(lambda catalog: rules.unmatched(catalog))
    assert await live.attempt()
    assert live.current is None
    assert live.history.problem.startswith(
        f"access rule 'all': !{OLD.own_path[1:]} matches nothing"
    )
    rules = AccessRules(Settings())
    live.check_globs()
    assert await live.attempt()
    assert (served(live).schema.digest, live.history.problem, live.globs.unmatched) == (
        NEW.schema.digest,
        "",
        (),
    )
    rules = AccessRules(old)
    await finds(live, source, OLD)
    assert live.globs.unmatched == ()
    source.says = NEW.schema
    with capture_logs() as logs:
        assert await live.attempt()
    assert served(live).schema.digest == NEW.schema.digest
    assert [line["problem"] for line in told(logs, "a pattern matches nothing any more")] == [
        *live.globs.unmatched
    ]
    assert len(live.globs.unmatched) == 1


async def test_readiness_tells_of_globs_that_match_nothing() -> None:
    """503 with the reason as long as nothing is served; a corrected exclusion ends that."""
    wrong, right = f"{SERVICE}/GetWordss", ECHO[1:]
    async with (
        running_cuebot(ChangingCuebot(())) as cuebot,
        gateway_for(cuebot.endpoint, exclude_services=wrong, ready=False) as gateway,
    ):
        status, state = await ready_state(gateway)
        assert status == 503
        assert f"EXCLUDE_SERVICES: {wrong} matches nothing" in state["reason"]
        assert (await gateway.post(LIST, {})).status_code == 503
        live = gateway.app.parts.live
        live.prepare(only(right), Profile())()
        live.request_refresh()
        await live.wait()
        assert (await gateway.post(ECHO, {})).status_code == 404
        status, state = await ready_state(gateway)
        assert (status, state.get("unmatched")) == (200, None)


# --- what it finds --------------------------------------------------------------------------
async def test_an_unchanged_schema_is_not_rebuilt() -> None:
    source = ScriptedSource(opencue())
    live = await loaded(source)
    before = live.current
    with capture_logs() as logs:
        for _ in range(3):
            source.says = replace(opencue(), files=opencue().files[::-1])
            assert await live.attempt()
    assert live.current is before
    assert logs == []


async def test_a_changed_schema_takes_its_place() -> None:
    """The new catalog is there as a whole, and one line of the log tells what is different."""
    source = ScriptedSource()
    with capture_logs() as logs:
        live = await loaded(source)
        await finds(live, source, NEW)
    first, changed = logs
    assert (first["event"], first["digest"]) == ("schema loaded", OLD.tag)
    assert "methods_added" not in first
    assert served(live).schema.digest == NEW.schema.digest
    routes = served(live).routes
    assert (NEW.own_path in routes, OLD.own_path in routes) == (True, False)
    assert (changed["event"], changed["digest"]) == ("schema changed", NEW.tag)
    assert changed["log_level"] == "info"
    assert (changed["methods_added"], changed["methods_removed"]) == (
        [NEW.own_path],
        [OLD.own_path],
    )
    assert "trial.Word.only_new string" in changed["fields_added"]
    assert "trial.Word.only_old string" in changed["fields_removed"]


async def test_what_is_skipped_is_told_once() -> None:
    """A service that Cuebot cannot describe is warned about with its schema, not at each look."""
    skipped = Skipped(service="ghost.G", reason="nothing known")
    source = ScriptedSource(replace(OLD.schema, skipped=(skipped,)))
    with capture_logs() as logs:
        live = await loaded(source)
        for _ in range(2):
            assert await live.attempt()
    (line,) = told(logs, "service skipped")
    assert (line["log_level"], line["service"]) == ("warning", "ghost.G")
    assert line["reason"] == "nothing known"


FAILURES = (NotReady("x"), NoReflection("x"), NoSchema("x"), RuntimeError("x"), EMPTY)


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: type(failure).__name__)
async def test_a_failure_keeps_the_last_good_catalog(failure: Schema | Exception) -> None:
    """However a look fails, what was served goes on; the log has it once, and the recovery once."""
    source = ScriptedSource()
    live = await loaded(source)
    before = live.current
    for _ in range(2):  # each streak of failures is news
        source.says = failure
        with capture_logs() as logs:
            assert [await live.attempt() for _ in range(3)] == [False] * 3
        assert live.current is before
        assert live.history.problem.startswith(NOTHING_NEW)
        assert [line["event"] for line in logs] == [live.history.problem]
        assert logs[0]["log_level"] in ("warning", "error")
        source.says = OLD.schema
        with capture_logs() as logs:
            assert [await live.attempt() for _ in range(2)] == [True] * 2
        assert (live.current, live.history.problem) == (before, "")
        assert [line["event"] for line in logs] == ["schema refreshed again"]


async def test_a_comparison_that_fails_is_a_failed_look(monkeypatch: pytest.MonkeyPatch) -> None:
    source = ScriptedSource()
    async with kept_up(source, every=0.001) as live:
        before = live.current
        with monkeypatch.context() as patch:
            patch.setattr(refresh, "changes_between", lambda old, new: 1 / 0)
            source.says = NEW.schema
            while "ZeroDivisionError" not in live.history.problem:
                await source.asked.get()
            assert live.current is before
        while live.history.problem:
            await source.asked.get()
        assert served(live).schema.digest == NEW.schema.digest


async def test_an_assumption_is_replaced_and_a_confirmed_schema_is_not() -> None:
    reflection = ScriptedSource(NoReflection("none"))
    with capture_logs() as logs:
        live = await loaded(AutoSource(reflection))
        for _ in range(2):
            assert await live.attempt()
    assert [line["event"] for line in logs] == [
        "schema assumed, not confirmed by Cuebot",
        "schema loaded",
    ]
    assert not served(live).schema.confirmed
    for schema in (replace(opencue(), origin="reflection", confirmed=True), OLD.schema):
        reflection.says = schema
        assert await live.attempt()
        assert served(live).schema.digest == schema.digest
        assert served(live).schema.confirmed
    reflection.says = NoReflection("Cuebot has no server reflection")
    assert not await live.attempt()
    assert served(live).schema.digest == OLD.schema.digest
    assert (
        "no server reflection, which it had before. The gateway goes on with"
        in live.history.problem
    )
    assert "restart the gateway with DESCRIPTOR_SOURCE set to Cuebot's own" in live.history.problem
    assert "pip install" not in live.history.problem
    reflection.says = NEW.schema
    assert await live.attempt()
    assert served(live).schema.digest == NEW.schema.digest


async def test_a_catalog_is_made_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """And there the globs of access rules are looked at."""
    threads: dict[str, threading.Thread] = {}

    def noting(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any) -> Any:
            threads[name] = threading.current_thread()
            return original(*arguments)

        return noted

    names = ("identity", "changes_between")
    for name in names:
        monkeypatch.setattr(refresh, name, noting(name, getattr(refresh, name)))
    source = ScriptedSource()
    live = LiveCatalog(
        source,
        Selection(),
        Profile(),
        build=noting("build", build_catalog),
    )
    live.globs.others.append(noting("globs", lambda catalog: ()))
    for version in (OLD, NEW):
        threads.pop("globs", None)
        await finds(live, source, version)
        assert "globs" in threads
    assert threads.keys() == {*names, "build", "globs"}
    assert threading.current_thread() not in threads.values()


async def test_codecs_are_compiled_a_method_at_a_time() -> None:
    source = ScriptedSource(opencue())
    live = LiveCatalog(source, Selection(), Profile(), build=build_catalog)
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    assert await live.attempt()
    methods = served(live).methods
    assert all("encode" in vars(method) for method in methods)
    counting = asyncio.create_task(count())
    await refresh.warm(served(live))
    counting.cancel()
    assert turns >= len(methods) > 200


async def test_types_of_types_are_compiled_a_few_at_a_time() -> None:
    async def longest_of(types: int) -> int:
        """The most work that others have to wait for, in calls of functions."""
        file = FileDescriptorProto(name="ring.proto", package="ring", syntax="proto3")
        for number in range(types):
            following = f".ring.M{(number + 1) % types}"
            message = file.message_type.add(name=f"M{number}")
            message.field.add(name="next", number=1, label=1, type=11, type_name=following)
        method = file.service.add(name="S").method.add(name="Call")
        method.input_type = method.output_type = ".ring.M0"
        longest, now = 0, 0

        def trace(frame: FrameType, event: str, argument: object) -> None:
            nonlocal now
            now += 1

        async def look() -> None:
            nonlocal longest, now
            while True:
                longest, now = max(longest, now), 0
                await asyncio.sleep(0)

        catalog = build_catalog(assumed_schema([file], "test"), Selection())
        looking = asyncio.create_task(look())
        before = sys.getprofile()
        sys.setprofile(trace)
        try:
            await warm(catalog)
        finally:
            sys.setprofile(before)
            looking.cancel()
        return longest

    with capture_logs() as lines:
        assert await longest_of(320) < 4 * await longest_of(8)
    assert not lines


# --- a gateway ------------------------------------------------------------------------------
async def until_served(gateway: Gateway, version: Version) -> None:
    """Call until the answer is of this version."""
    async with asyncio.timeout(PATIENCE):
        while (await gateway.post(ECHO, {})).headers.get("x-schema") != version.tag:
            pass


@asynccontextmanager
async def following(**more: Any) -> AsyncIterator[tuple[ChangingCuebot, Gateway]]:
    """A Cuebot whose schema changes, and a gateway that looks when it is asked to."""
    cuebot = ChangingCuebot()
    more.setdefault("reflection_refresh", 0)
    async with running_cuebot(cuebot), gateway_for(cuebot.endpoint, **more) as gateway:
        yield cuebot, gateway


async def test_readiness_shows_a_failing_refresh() -> None:
    """The gateway stays ready with what it has; with REFLECTION_REFRESH it looks by itself."""
    ready = {"status": "ok", "cuebot": "reachable", "schema": "confirmed"}
    async with following(reflection_refresh="10ms") as (cuebot, gateway), asyncio.timeout(PATIENCE):
        assert await ready_state(gateway) == (200, ready)
        cuebot.now = grpc.StatusCode.UNAVAILABLE
        while await ready_state(gateway) != (200, ready | {"refresh": "failing"}):
            pass
        answer = await gateway.post(ECHO, {"word": "x"})
        assert (answer.json(), answer.headers["x-schema"]) == (own_word("x", OLD), OLD.tag)
        cuebot.now = NEW
        while await ready_state(gateway) != (200, ready):
            pass
        assert (await gateway.post(ECHO, {"word": "x"})).json() == own_word("x", NEW)


async def test_a_quick_restart_is_noticed() -> None:
    """A Cuebot that is replaced without ever being away is asked again, and nobody sees a gap."""
    async with (
        running_cuebot(ChangingCuebot()) as first,
        running_cuebot(ChangingCuebot(now=NEW)) as second,
        tcp_proxy(first.endpoint) as switch,
        gateway_for(switch.endpoint, reflection_refresh=0) as gateway,
    ):
        assert (await gateway.post(ECHO, {})).headers["x-schema"] == OLD.tag
        with capture_logs() as logs:
            switch.turn(second.endpoint)
            async with asyncio.timeout(PATIENCE):
                while not told(logs, "schema changed"):
                    assert (await gateway.client.get("/readyz")).status_code == 200
        assert not told(logs, "Cuebot cannot be reached")
        assert (await gateway.post(ECHO, {})).headers["x-schema"] == NEW.tag


async def test_a_request_in_flight_finishes_on_its_own_schema() -> None:
    there, go_on = asyncio.Event(), asyncio.Event()
    async with following() as (cuebot, gateway):
        echo = cuebot.handlers[OLD.own_path]

        async def wait(request: bytes, context: Context) -> bytes:
            there.set()
            await go_on.wait()
            return await echo(request, context)

        cuebot.handlers[OLD.own_path] = wait
        call = asyncio.create_task(gateway.post(OLD.own_path, {"word": "x"}))
        await there.wait()
        cuebot.now = NEW
        gateway.app.parts.live.request_refresh()
        await until_served(gateway, NEW)
        go_on.set()
        answer = await call
        assert (answer.status_code, answer.headers["x-schema"]) == (200, OLD.tag)
        assert answer.json() == own_word("x", OLD)
        assert (await gateway.post(OLD.own_path, {})).status_code == 404


async def test_a_method_that_goes_while_a_body_comes_is_the_new_schemas_404() -> None:
    async with following() as (cuebot, gateway), wire(gateway) as client:
        await client.send(head(OLD.own_path, "Content-Length: 2", "Expect: 100-continue"))
        assert (await client.answer()).status == 100  # its head has been read
        cuebot.now = NEW
        gateway.app.parts.live.request_refresh()
        await until_served(gateway, NEW)
        await client.send(b"{}")
        answer = await client.answer()
        assert (answer.status, answer.headers["x-schema"]) == (404, NEW.tag)


# --- readiness at startup --------------------------------------------------------------------

SHOWS = "/show.ShowInterface/GetShows"


async def ready_state(gateway: Any) -> tuple[int, dict[str, str]]:
    answer = await gateway.client.get("/readyz", headers={"Authorization": ""})
    return answer.status_code, answer.json()


async def test_an_absent_cuebot_is_503_until_it_comes() -> None:
    port = free_port()
    async with gateway_for(f"127.0.0.1:{port}", ready=False) as gateway:
        assert (await gateway.client.get("/healthz")).json() == {"status": "ok"}
        answer = await gateway.post(SHOWS, {})
        assert (answer.status_code, answer.json()["error"]) == (503, "UNAVAILABLE")
        assert answer.headers["retry-after"] == "1"
        cuebot_state = {"cuebot": "unreachable", "reason": "Connection refused", "schema": "none"}
        assert await ready_state(gateway) == (503, {"status": "unavailable"} | cuebot_state)
        cuebot = ScriptedCuebot(opencue().files)
        cuebot.answers(SHOWS, b"")
        async with running_cuebot(cuebot, port):
            async with asyncio.timeout(PATIENCE):
                await gateway.app.parts.live.wait()
            assert (await ready_state(gateway))[0] == 200
            assert (await gateway.post(SHOWS, {})).status_code == 200


async def test_a_lost_cuebot_is_not_ready_and_comes_back() -> None:
    first = ScriptedCuebot(opencue().files)
    async with running_cuebot(first) as cuebot:
        port = int(cuebot.endpoint.rpartition(":")[2])
        context = gateway_for(cuebot.endpoint)
        gateway = await context.__aenter__()
    try:
        answer = await gateway.post(SHOWS, {})
        assert (answer.status_code, answer.json()["code"]) == (503, 14)
        assert "Cuebot cannot be reached" in answer.json()["message"]
        status, state = await ready_state(gateway)
        assert (status, state["cuebot"], state["schema"]) == (503, "unreachable", "confirmed")
        again = ScriptedCuebot(opencue().files)
        again.answers(SHOWS, b"")
        async with running_cuebot(again, port), asyncio.timeout(PATIENCE):
            while (await ready_state(gateway))[0] != 200:
                pass
            assert (await gateway.post(SHOWS, {})).status_code == 200
    finally:
        await context.__aexit__(None, None, None)


async def test_a_stock_cuebot_is_served_as_assumed() -> None:
    """Unless DESCRIPTOR_SOURCE=reflection, for which the problem names the ways out."""
    async with running_cuebot(ScriptedCuebot(opencue().files, reflection=())) as cuebot:
        cuebot.answers(SHOWS, b"")
        async with gateway_for(cuebot.endpoint) as gateway:
            assert (await gateway.post(SHOWS, {})).status_code == 200
            assert (await ready_state(gateway))[1]["schema"] == "assumed"
        demanding = gateway_for(cuebot.endpoint, descriptor_source="reflection", ready=False)
        async with demanding as gateway, asyncio.timeout(PATIENCE):
            while "turn on server reflection" not in gateway.app.parts.live.history.problem:
                await gateway.client.get("/healthz")
            assert (await gateway.post(SHOWS, {})).status_code == 503


# --- X-Schema -------------------------------------------------------------------------------
async def test_every_answer_of_a_path_names_its_schema() -> None:
    """Whatever the outcome is, X-Schema says what it was judged by: 12 digits of the digest."""
    async with following(max_body_mb=0.01) as (cuebot, gateway):
        cuebot.fails(OLD.own_path, grpc.StatusCode.NOT_FOUND, "scripted")
        large, html = {"content": b" " * 20_000}, {"headers": {"Content-Type": "text/html"}}
        answers = [
            await gateway.post(ECHO, {}),
            await gateway.post(ECHO, {"word": 1}),
            await gateway.post(f"/{SERVICE}/GetNothing", {}),
            await gateway.client.get(ECHO),
            await gateway.post(ECHO, **large),
            await gateway.post(ECHO, content=b"x", **html),
            await gateway.post(STREAM, {}),
            await gateway.post(OLD.own_path, {}),
            await gateway.post(ECHO, {}, headers={"X-Dry-Run": "1"}),
            await gateway.post("/nothing.Of/TheKind", {}),
            await gateway.client.get("/"),
        ]
    statuses = [200, 400, 404, 405, 413, 415, 501, 404, 200, 404, 404]
    assert [answer.status_code for answer in answers] == statuses
    tags = {tuple(answer.headers.get_list("x-schema")) for answer in answers}
    assert tags == {(OLD.schema.digest[:12],)}


async def test_answers_without_a_schema_name_none() -> None:
    """Health is not about a schema; who has no valid token is not told which one there is."""
    async with following() as (_, gateway):
        for answer in (
            await gateway.client.get("/healthz"),
            await gateway.client.get("/readyz"),
            await gateway.client.post("/healthz"),
            await gateway.post(ECHO, {}, headers={"Authorization": ""}),
        ):
            assert "x-schema" not in answer.headers
    async with gateway_for("127.0.0.1:1", ready=False) as gateway:
        answer = await gateway.post(ECHO, {})
        assert (answer.status_code, "x-schema" in answer.headers) == (503, False)


# --- under load -----------------------------------------------------------------------------

CLIENTS = range(4)
PATHS = (ECHO, OLD.own_path, ECHO, NEW.own_path, LIST, ECHO, f"/{SERVICE}/GetNothing")


def expected(path: str, word: str, version: Version) -> tuple[int, object]:
    """The answer that a version gives, and None for the text of an error."""
    if path == LIST:
        return 200, own_words(version)
    if path in (ECHO, version.own_path):
        return 200, own_word(word, version)
    return 404, None


class Clients:
    """Several clients that call without a pause, and check every answer."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._versions = {version.tag: version for version in BOTH}
        self.answered: Counter[tuple[int, Version]] = Counter()
        """By client and version."""
        self.news = asyncio.Condition()

    async def run(self, number: int) -> None:
        for count, path in enumerate(cycle(PATHS)):
            word = f"{number}-{count}"
            answer = await self._gateway.post(path, {"word": word})
            version = self._versions[answer.headers["x-schema"]]
            status, content = expected(path, word, version)
            assert answer.status_code == status, answer.text
            assert content is None or answer.json() == content
            self.answered[number, version] += 1
            async with self.news:
                self.news.notify_all()

    async def see(self, version: Version, how_many: int) -> None:
        """Wait until so many clients have had one more answer of this version."""
        before = self.answered.copy()
        async with self.news:
            await self.news.wait_for(
                lambda: (
                    sum(self.answered[each, version] > before[each, version] for each in CLIENTS)
                    >= how_many
                )
            )


@contextmanager
def tracked() -> Iterator[Callable[[], list[int]]]:
    """Counts catalogs that are alive, by one of their methods, and pools, by one of their classes.

    Neither pools nor catalogs can be referred to weakly themselves.
    """
    catalogs: list[ref[object]] = []
    pools: list[ref[object]] = []

    async def noting(catalog: Catalog) -> None:
        await warm(catalog)  # which keeps the class
        method = catalog.methods[0]
        catalogs.append(ref(method))
        pools.append(ref(GetMessageClass(method.descriptor.output_type)))

    def alive() -> list[int]:
        gc.collect()
        return [sum(one() is not None for one in ones) for ones in (catalogs, pools)]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(refresh, "warm", noting)
        yield alive


@pytest.mark.slow
async def test_swaps_under_load() -> None:
    """No answer fails or mixes versions, and old pools do not pile up."""
    objects = []
    async with following() as (cuebot, gateway), asyncio.TaskGroup() as group:
        live, clients = gateway.app.parts.live, Clients(gateway)
        tasks = [group.create_task(clients.run(number)) for number in CLIENTS]
        with tracked() as alive:
            for swaps, version in enumerate(islice(cycle((NEW, OLD)), SWAPS), 1):
                cuebot.now = version
                live.request_refresh()
                async with clients.news:  # an answer of this version may be an old one
                    await clients.news.wait_for(lambda: live.history.catalogs > swaps)  # noqa: B023
                await clients.see(version, 1)
                if swaps % 4 == 0:
                    for _ in "12":  # the first may be of the one before the last
                        await clients.see(version, len(CLIENTS))
                    cuebot.seen.clear()
                    assert alive() == [1, 1]
                    objects.append(len(gc.get_objects()))
        for task in tasks:
            task.cancel()
    assert max(objects) - min(objects) < 300


# --- SIGHUP ---------------------------------------------------------------------------------


@needs("metrics")
@pytest.mark.slow
def test_sighup_looks_for_another_schema(tmp_path: Path) -> None:
    """And goes on whatever it finds. A catalog that is replaced is collected at once."""
    path, whole = tmp_path / "words.binpb", tmp_path / "whole"

    def save(version: Version) -> None:
        whole.write_bytes(FileDescriptorSet(file=[version.file]).SerializeToString())
        whole.replace(path)

    def collections() -> float:
        page = scrape_of(gateway.get("/metrics").body.decode())
        return page.of("gc_collections_total", generation="2")

    save(OLD)
    environ = {"DESCRIPTOR_SOURCE": str(path), "METRICS": "public"}
    with instance("127.0.0.1:1", environ, ready=False) as gateway:
        assert gateway.event("schema loaded")["digest"] == OLD.tag
        before = collections()
        save(NEW)
        gateway.send_signal(signal.SIGHUP)
        assert gateway.event("schema changed")["methods_added"] == [NEW.own_path]
        until(lambda: collections() > before, "a full collection")
        path.write_bytes(b"nonsense")
        gateway.send_signal(signal.SIGHUP)
        assert str(path) in gateway.event("the schema could not be refreshed")["event"]
        save(OLD)
        gateway.event("schema refreshed again")
        assert gateway.event("schema changed", 2)["digest"] == OLD.tag
        gateway.send_signal(signal.SIGTERM)
        assert gateway.ended() == 0


async def test_the_time_of_a_change_is_that_of_another_schema() -> None:
    async with running_cuebot(ChangingCuebot()) as cuebot:
        assert isinstance(cuebot, ChangingCuebot)
        async with gateway_for(cuebot.endpoint) as gateway:
            live = gateway.app.parts.live
            first = live.history.changed_at
            live.prepare(Selection(), load_profile("none"))()
            assert live.history.changed_at == first
            cuebot.now = NEW
            assert await live.attempt()
            assert live.history.changed_at > first
