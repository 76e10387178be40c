"""`cuebot-gateway compare`: two gateways in front of one Cuebot, and what it finds."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from itertools import count
from typing import Any

import pytest
from starlette.responses import Response

from cuebot_simulator.server import SimulatedCuebot
from gateway.features.catalog import load_profile
from gateway_cli.commands.compare import lines
from gateway_cli.compare.comparison import (
    MOST_ATTEMPTS,
    Comparison,
    NotReadOnly,
    Outcome,
    ReadOnlyGateway,
    Result,
    seconds_of,
)
from gateway_cli.compare.differences import documented_in
from gateway_client.gateway import gateway_client
from tests.gateway_cli.test_cli_docs import ROOT, stable
from tests.support.commands import Terminal, assert_one_line, in_process, run_beside, started
from tests.support.go_gateway import GoGateway, running_go_gateway
from tests.support.needs import needs
from tests.support.opencue import catalog, message_class, opencue
from tests.support.patience import PATIENCE
from tests.support.servers import (
    Context,
    Gateway,
    ScriptedCuebot,
    free_port,
    gateway_for,
    running_cuebot,
    token,
)

pytestmark = pytest.mark.anyio

FAST = 1000
SHOWS = "/show.ShowInterface/GetShows"
FIND_SHOW = "/show.ShowInterface/FindShow"
JOBS = "/job.JobInterface/GetJobs"
NEVER_ANSWERED = "/job.JobInterface/GetUpdatedFrames"
"""Without a time of the last check, which no answer contains."""


async def compared(
    here: str,
    there: str,
    *paths: str,
    timeout: float = 10,
    seconds: float = 60,
    its_token: Callable[[], str] = token,
    told: Callable[[str], object] = len,
) -> Outcome:
    """Compare these methods, or all that are answered, over HTTP at full speed."""
    methods = [
        each
        for each in catalog().methods
        if (each.path in paths if paths else each.path != NEVER_ANSWERED)
    ]
    async with (
        gateway_client(here, token, timeout) as first,
        gateway_client(there, its_token, timeout) as second,
    ):
        return await Comparison(
            here=ReadOnlyGateway(first, FAST),
            there=ReadOnlyGateway(second, FAST),
            methods=methods,
            samples=2,
            seconds=seconds,
            documented=documented_in(load_profile("opencue")),
            wanted=lambda path: True,
            told=told,
        ).run()


def result(outcome: Outcome, path: str) -> Result:
    return next(each for each in outcome.results if each.method == path[1:])


def kinds(result: Result) -> set[tuple[str, str]]:
    return set(result.findings)


@pytest.fixture
def cuebot(simulated_cuebot: SimulatedCuebot) -> SimulatedCuebot:
    """A farm in which nothing happens."""
    return simulated_cuebot


@pytest.fixture
def ours(gateway: Gateway) -> Gateway:
    return gateway


@pytest.fixture
async def go(cuebot: SimulatedCuebot) -> AsyncIterator[GoGateway]:
    async with running_go_gateway(cuebot.endpoint) as gateway:
        yield gateway


@pytest.mark.slow
async def test_two_of_ours_are_the_same(cuebot: SimulatedCuebot, ours: Gateway) -> None:
    async with gateway_for(cuebot.endpoint) as second:
        outcome = await compared(ours.url, second.url)
    assert outcome.same
    assert not any(each.findings or each.moving for each in outcome.results)
    assert [each.method for each in outcome.results if each.skipped] == [
        "show.ShowInterface/GetServiceOverride"
    ]
    assert sum(each.succeeded > 0 for each in outcome.results) >= 80


FRAMES = "/job.JobInterface/GetFrames"


@pytest.mark.slow
async def test_the_go_gateway_differs_only_as_it_is_meant_to(
    cuebot: SimulatedCuebot, ours: Gateway, go: GoGateway
) -> None:
    """But in one method. Nothing but reads is sent, and the page shows what is printed."""

    def as_numbers(answer: Any) -> Any:
        for frame in answer["frames"]["frames"]:
            frame["maxRss"] = int(frame["maxRss"])
        return answer

    go.alter[FRAMES] = as_numbers
    cuebot.calls.clear()
    outcome = await compared(ours.url, go.url)
    assert [each.method for each in outcome.results if each.verdict == "differs"] == [FRAMES[1:]]
    found = {each.kind for one in outcome.results for each in one.findings.values()}
    assert found == {"error-shape", "explained", "unserved", "documented", "integer-form"}
    assert result(outcome, "/cue.CueInterface/GetSystemStats").verdict == "expected"
    assert result(outcome, "/job.LayerInterface/GetLayer").verdict == "expected"
    assert outcome.count("same") > 60
    called = {path.rpartition("/")[2] for path, _ in cuebot.calls}
    assert called
    assert called <= {each.method.rpartition("/")[2] for each in outcome.results}
    assert all(name.startswith(("Get", "Find", "Is")) for name in called)
    assert {verb for verb, _ in go.seen} == {"POST"}
    report = set(map(stable, lines(outcome, 196)))
    page = (ROOT / "docs" / "tools.md").read_text(encoding="utf-8")
    shown = page.partition("$ cuebot-gateway compare --other")[2].partition("```")[0].splitlines()
    wanted = [line for line in shown[1:-1] if "…" not in line and "moving:" not in line]
    assert len(wanted) >= 6
    assert [line for line in wanted if stable(line) not in report] == []


async def test_what_changes_something_cannot_be_sent() -> None:
    kill = catalog().routes["/job.JobInterface/Kill"]
    async with gateway_client("http://127.0.0.1:1", token, 1) as client:
        with pytest.raises(NotReadOnly):
            await ReadOnlyGateway(client, FAST).ask(kill, b"{}")


def first_show(change: Callable[[dict[str, Any]], object]) -> Callable[[Any], Any]:
    """Changes the first show in an answer."""

    def alter(answer: Any) -> Any:
        change(answer["shows"]["shows"][0])
        return answer

    return alter


async def test_nothing_but_404s_is_not_the_same(ours: Gateway, go: GoGateway) -> None:
    async def nothing() -> Response:
        return Response(b'{"code":5,"message":"Not Found","details":[]}', 404)

    go.whole = nothing
    outcome = await compared(ours.url, go.url, SHOWS)
    (finding,) = result(outcome, SHOWS).findings.values()
    assert (finding.kind, finding.there) == ("unserved", "404 NOT_FOUND: Not Found")
    assert outcome.problem.startswith("no call succeeded on both")
    assert not outcome.same


def shows(running: int, *names: str) -> bytes:
    answer = message_class("show.ShowGetShowsResponse")()
    for name in names:
        answer.shows.shows.add(name=name).show_stats.running_frames = running
    payload: bytes = answer.SerializeToString()
    return payload


GET_UPDATED = "/job.JobInterface/GetUpdatedFrames"
HOSTS = "/host.HostInterface/GetHosts"
ACTIVE = "/show.ShowInterface/GetActiveShows"
FACILITIES = "/facility.AllocationInterface/GetAll"


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedCuebot]:
    """A Cuebot of this test's own, with one job."""
    cuebot = ScriptedCuebot(opencue().files)
    cuebot.start_over()
    answer = message_class("job.JobGetJobsResponse")()
    answer.jobs.jobs.add(id="job-1", name="demo-job")
    cuebot.answers(JOBS, answer.SerializeToString())
    async with running_cuebot(cuebot):
        yield cuebot


@pytest.fixture
async def both(scripted: ScriptedCuebot) -> AsyncIterator[tuple[Gateway, GoGateway]]:
    """Our gateway and OpenCue's, in front of it."""
    async with (
        gateway_for(scripted.endpoint) as first,
        running_go_gateway(scripted.endpoint) as second,
    ):
        yield first, second


def moving(scripted: ScriptedCuebot, answers: Iterator[bytes]) -> None:
    """Each call of GetShows has the next of these answers."""

    async def handler(request: bytes, context: Context) -> bytes:
        return next(answers)

    scripted.handlers[SHOWS] = handler


@needs("tokens")
async def test_what_moves_is_no_difference(
    scripted: ScriptedCuebot, both: tuple[Gateway, GoGateway]
) -> None:
    """What differs beside it is one."""
    here, there = both
    names = (["demo"] * (1 if number < 3 else number) for number in count())
    moving(scripted, (shows(number, *some) for number, some in enumerate(names)))
    outcome = await compared(here.url, there.url, SHOWS)
    assert outcome.same
    found = result(outcome, SHOWS)
    assert (found.findings, found.verdict) == ({}, "same")
    assert "shows.shows[].showStats.runningFrames" in found.moving
    moving(scripted, (shows(number, "demo") for number in count()))
    there.alter[SHOWS] = first_show(lambda show: show.update(name="other"))
    outcome = await compared(here.url, there.url, SHOWS)
    assert kinds(result(outcome, SHOWS)) == {("value", "shows.shows[].name")}


@needs("tokens")
async def test_what_was_otherwise_for_a_moment_is_no_difference(
    scripted: ScriptedCuebot, both: tuple[Gateway, GoGateway]
) -> None:
    here, there = both
    passing = iter([1, 2, 1])
    moving(scripted, (shows(next(passing, 1), "demo") for _ in count()))
    assert (await compared(here.url, there.url, SHOWS)).same
    assert next(passing, None) is None


@needs("reference", "tokens")
async def test_what_the_profile_adds_is_sent_to_both(
    scripted: ScriptedCuebot, both: tuple[Gateway, GoGateway]
) -> None:
    here, there = both
    began = int(time.time())
    outcome = await compared(here.url, there.url, JOBS, GET_UPDATED)
    asked = [payload for path, payload, _ in scripted.seen if path == GET_UPDATED]
    new = message_class("job.JobGetUpdatedFramesRequest").FromString
    assert len(asked) == 2
    assert all(began <= new(each).last_check <= time.time() for each in asked)
    assert {new(each).job.id for each in asked} == {"job-1"}
    assert (result(outcome, GET_UPDATED).succeeded, outcome.same) == (1, True)


@pytest.mark.slow
@pytest.mark.parametrize("grace", [1.0, -1.0], ids=["504", "no answer"])
async def test_a_method_that_neither_answers_in_time_is_skipped(
    scripted: ScriptedCuebot,
    both: tuple[Gateway, GoGateway],
    monkeypatch: pytest.MonkeyPatch,
    grace: float,
) -> None:
    """It is asked once, whoever's clock has run out, and no gateway is given up because of it."""
    monkeypatch.setattr("gateway_client.gateway.GRACE_SECONDS", grace)
    here, there = both
    never = (HOSTS, GET_UPDATED, ACTIVE, FACILITIES)
    for path in never:
        scripted.holds(path)
    outcome = await compared(here.url, there.url, JOBS, SHOWS, *never, timeout=2)
    assert outcome.same
    for path in never:
        late = result(outcome, path)
        assert (late.verdict, late.skipped) == ("skipped", "neither gateway answered in time")
        assert [called for called, _, _ in scripted.seen].count(path) == 2
    assert result(outcome, SHOWS).verdict == "same"


@pytest.mark.slow
async def test_a_method_that_only_one_answers_in_time_differs(
    scripted: ScriptedCuebot, both: tuple[Gateway, GoGateway], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway_client.gateway.GRACE_SECONDS", 0.0)

    async def hang_for_the_other(request: bytes, context: Context) -> bytes:
        if "x-gateway-principal" not in dict(context.invocation_metadata() or ()):
            await asyncio.Event().wait()
        return b""

    here, there = both
    scripted.handlers[HOSTS] = hang_for_the_other
    outcome = await compared(here.url, there.url, FACILITIES, HOSTS, SHOWS, timeout=2)
    (finding,) = result(outcome, HOSTS).findings.values()
    assert (finding.kind, finding.here) == ("no-answer", 200)
    assert "did not answer within 2 s" in str(finding.there)
    assert (result(outcome, SHOWS).verdict, outcome.stopped) == ("same", "")


@needs("tokens")
async def test_methods_are_asked_side_by_side(
    scripted: ScriptedCuebot, both: tuple[Gateway, GoGateway]
) -> None:
    here, there = both
    slow = [scripted.holds(path) for path in (HOSTS, ACTIVE)]
    told: list[str] = []
    comparing = asyncio.create_task(
        compared(here.url, there.url, FACILITIES, HOSTS, ACTIVE, told=told.append)
    )
    async with asyncio.timeout(PATIENCE):
        for called, _ in slow:
            await called.wait()
    for _, release in slow:
        release.set()
    assert (await comparing).same
    assert told[:3] == [f"round 1: {number} of 3 methods" for number in (1, 2, 3)]


async def test_a_gateway_that_is_away(ours: Gateway) -> None:
    outcome = await compared(ours.url, f"http://127.0.0.1:{free_port()}")
    assert not outcome.same
    assert outcome.stopped.startswith("the other gateway left 3 requests unanswered")
    assert sum(each.asked for each in outcome.results) <= 3
    assert all(each.skipped == "not reached" for each in outcome.results if not each.asked)
    assert outcome.count("same") == 0


async def test_a_refused_token_ends_it(ours: Gateway, go: GoGateway) -> None:
    """Otherwise every method would be the same: an error."""
    outcome = await compared(ours.url, go.url, its_token=lambda: "wrong")
    assert outcome.stopped.startswith("the other gateway refused the token: Token validation")
    assert len(go.seen) == 1


async def test_a_slow_gateway_is_given_up(ours: Gateway, go: GoGateway) -> None:
    never = asyncio.Event()

    async def hang() -> Response:
        await never.wait()
        return Response()

    go.whole = hang
    outcome = await compared(ours.url, go.url, SHOWS, seconds=0.1)
    assert outcome.stopped == "stopped after 0.1 s, the time limit"
    assert not outcome.same
    never.set()


SHOWS_METHOD = catalog().routes[SHOWS]


async def test_a_rate_limit_is_waited_for(go: GoGateway) -> None:
    limited = iter([True, False])

    async def busy() -> Response:
        again = next(limited, True)
        return Response(b"{}", 429 if again else 200, headers={"Retry-After": "0"})

    go.whole = busy
    async with gateway_client(go.url, token, 5) as client:
        gateway = ReadOnlyGateway(client, FAST)
        assert (await gateway.ask(SHOWS_METHOD, b"{}")).status == 200
        assert len(go.seen) == 2
        assert (await gateway.ask(SHOWS_METHOD, b"{}")).status == 429
        assert len(go.seen) == 2 + MOST_ATTEMPTS


async def test_the_rate_is_kept(go: GoGateway) -> None:
    loop = asyncio.get_running_loop()
    async with gateway_client(go.url, token, 5) as client:
        gateway, begun = ReadOnlyGateway(client, 20), loop.time()
        for _ in range(3):
            await gateway.ask(SHOWS_METHOD, b"{}")
    assert loop.time() - begun > 0.09


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3", 3.0), ("0", 0.0), ("999999", 30.0), ("", 1.0), ("Fri, 31 Dec 1999", 1.0), ("²", 1.0)],
)
def test_retry_after(header: str, seconds: float) -> None:
    assert seconds_of(header) == seconds


@pytest.mark.slow
async def test_the_command(cuebot: SimulatedCuebot, ours: Gateway, go: GoGateway) -> None:
    environ = {"CUEBOT_ENDPOINT": cuebot.endpoint, "GATEWAY_URL": ours.url, "TOKEN": token()}
    some = ("--other", go.url, "--rate", "1000", "--timeout", "2", "--methods", "show/*")
    ran = await run_beside("compare", *some, **environ)
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.splitlines()[-1].startswith("15 methods: ")
    go.alter[FIND_SHOW] = lambda answer: {"show": answer["show"] | {"name": "other"}}
    ran = await run_beside("compare", *some, "--json", **environ)
    assert (ran.status, ran.err) == (1, "")
    (found,) = [each for each in ran.json["methods"] if each["result"] == "differs"]
    assert (found["method"], ran.json["same"]) == (FIND_SHOW[1:], False)
    assert found["differences"][0]["request"] == {"name": "demo"}
    assert token()[:20] not in ran.text


@pytest.mark.slow
async def test_progress_is_shown_on_a_terminal(
    cuebot: SimulatedCuebot, ours: Gateway, go: GoGateway
) -> None:
    terminal = Terminal()
    environ = {"CUEBOT_ENDPOINT": cuebot.endpoint, "GATEWAY_URL": ours.url, "TOKEN": token()}
    some = ("--other", go.url, "--rate", "1000", "--methods", "show/*")
    async with started("compare", *some, environ=environ, stderr=terminal.theirs) as command:
        await terminal.read_until(r"round 1: \d+ of \d+ methods\x1b\[K")
        await command.print_until("^15 methods: ")
        await terminal.read_until(r"\r\x1b\[K$")
    terminal.close()
    assert "\n" not in terminal.written


@pytest.mark.slow
async def test_the_other_may_take_another_token(
    cuebot: SimulatedCuebot, ours: Gateway, go: GoGateway
) -> None:
    environ = {"CUEBOT_ENDPOINT": cuebot.endpoint, "GATEWAY_URL": ours.url, "TOKEN": token()}
    ran = await run_beside("compare", "--other", go.url, OTHER_TOKEN="a.b.c", **environ)
    assert ran.status == 1
    assert_one_line(ran, "the other gateway refused the token")


def test_a_filter_that_fits_no_read() -> None:
    options = ("--other", "http://a", "--url", "http://b", "--methods", "Job/Kill")
    ran = in_process("compare", *options, TOKEN=token(), DESCRIPTOR_SOURCE="package:opencue_proto")
    assert ran.status == 1
    assert_one_line(ran, "Job/Kill")
