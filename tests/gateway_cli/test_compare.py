"""`cuebot-gateway compare`: two gateways in front of one Cuebot, and what it finds."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import cache
from typing import Any

import pytest
from starlette.responses import HTMLResponse, Response

from cuebot_simulator.server import SimulatedCuebot
from cuectl.client.gateway import gateway_client
from gateway.compat.build import build_catalog
from gateway.compat.profile import load_profile
from gateway.schema.catalog import Catalog
from gateway.schema.selection import Selection
from gateway_cli.commands.compare import as_object, lines
from gateway_cli.compare.comparison import (
    MOST_ATTEMPTS,
    Comparison,
    NotReadOnly,
    Outcome,
    ReadOnlyGateway,
    Result,
    seconds_of,
)
from tests.gateway_cli.test_cli_docs import ROOT, stable
from tests.support.commands import Ran, Terminal, assert_one_line, child, in_process, started
from tests.support.go_gateway import GoGateway, running_go_gateway
from tests.support.opencue import message_class, opencue
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


@cache
def catalog() -> Catalog:
    return build_catalog(opencue(), Selection(), load_profile("opencue"))


async def compared(
    here: str,
    there: str,
    *paths: str,
    timeout: float = 10,
    seconds: float = 60,
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
        gateway_client(there, token, timeout) as second,
    ):
        return await Comparison(
            here=ReadOnlyGateway(first, FAST),
            there=ReadOnlyGateway(second, FAST),
            methods=methods,
            samples=2,
            seconds=seconds,
            documented=load_profile("opencue").answers,
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


@pytest.mark.slow
async def test_the_go_gateway_differs_only_as_it_is_meant_to(ours: Gateway, go: GoGateway) -> None:
    outcome = await compared(ours.url, go.url)
    assert outcome.same
    found = {each.kind for one in outcome.results for each in one.findings.values()}
    assert found == {"error-shape", "explained", "unserved", "documented"}
    assert result(outcome, "/cue.CueInterface/GetSystemStats").verdict == "expected"
    assert result(outcome, "/job.LayerInterface/GetLayer").verdict == "expected"
    assert outcome.count("same") > 60
    assert outcome.count("differs") == 0


@pytest.mark.slow
async def test_only_reads_are_sent(cuebot: SimulatedCuebot, ours: Gateway, go: GoGateway) -> None:
    cuebot.calls.clear()
    outcome = await compared(ours.url, go.url)
    called = {path.rpartition("/")[2] for path, _ in cuebot.calls}
    asked = {each.method.rpartition("/")[2] for each in outcome.results}
    assert called
    assert called <= asked
    assert all(name.startswith(("Get", "Find", "Is")) for name in called)
    assert {verb for verb, _ in go.seen} == {"POST"}


async def test_what_changes_something_cannot_be_sent() -> None:
    kill = next(each for each in catalog().methods if each.path == "/job.JobInterface/Kill")
    async with gateway_client("http://127.0.0.1:1", token, 1) as client:
        with pytest.raises(NotReadOnly):
            await ReadOnlyGateway(client, FAST).ask(kill, b"{}")


async def test_methods_that_change_something_are_left_out(ours: Gateway, go: GoGateway) -> None:
    outcome = await compared(ours.url, go.url, SHOWS, "/show.ShowInterface/Delete")
    assert [each.method for each in outcome.results] == [SHOWS[1:]]
    assert {path for _, path in go.seen} == {SHOWS}


def answering(response: Response) -> Callable[[], Awaitable[Response]]:
    async def answer() -> Response:
        return response

    return answer


def first_show(change: Callable[[dict[str, Any]], object]) -> Callable[[Any], Any]:
    """Changes the first show in an answer."""

    def alter(answer: Any) -> Any:
        change(answer["shows"]["shows"][0])
        return answer

    return alter


def renamed(show: dict[str, Any]) -> None:
    show["comment_email"] = show.pop("commentEmail")


def counted(show: dict[str, Any]) -> None:
    show["showStats"]["createdJobCount"] = int(show["showStats"]["createdJobCount"])


def pointed(show: dict[str, Any]) -> None:
    show["defaultMinCores"] = float(show["defaultMinCores"])


@pytest.mark.parametrize(
    ("change", "kind", "place"),
    [
        pytest.param(lambda show: show.update(name="other"), "value", "name", id="value"),
        pytest.param(lambda show: show.update(active="yes"), "type", "active", id="type"),
        pytest.param(lambda show: show.update(more=1), "only-there", "more", id="more"),
        pytest.param(lambda show: show.pop("name"), "only-here", "name", id="less"),
        pytest.param(lambda show: show.update(showStats=None), "value", "showStats", id="null"),
        pytest.param(
            lambda show: show["showStats"].pop("reservedGpus"),
            "default",
            "showStats.reservedGpus",
            id="default",
        ),
        pytest.param(renamed, "name", "commentEmail", id="name"),
        pytest.param(counted, "integer-form", "showStats.createdJobCount", id="integer"),
        pytest.param(pointed, "float-form", "defaultMinCores", id="float"),
    ],
)
async def test_a_planted_difference_is_found(
    ours: Gateway, go: GoGateway, change: Callable[[dict[str, Any]], object], kind: str, place: str
) -> None:
    go.alter[SHOWS] = first_show(change)
    outcome = await compared(ours.url, go.url, SHOWS)
    assert kinds(result(outcome, SHOWS)) == {(kind, f"shows.shows[].{place}")}
    assert not outcome.same


async def test_a_shorter_list_and_another_order(ours: Gateway, go: GoGateway) -> None:
    go.alter[SHOWS] = lambda answer: {"shows": {"shows": answer["shows"]["shows"][1:]}}
    outcome = await compared(ours.url, go.url, SHOWS)
    (finding,) = result(outcome, SHOWS).findings.values()
    assert (finding.kind, finding.path) == ("length", "shows.shows")
    assert (finding.here, finding.there) == (3, 2)
    go.alter[SHOWS] = lambda answer: {"shows": {"shows": answer["shows"]["shows"][::-1]}}
    outcome = await compared(ours.url, go.url, SHOWS)
    assert kinds(result(outcome, SHOWS)) == {("order", "shows.shows")}


async def test_the_order_of_keys_is_no_difference(ours: Gateway, go: GoGateway) -> None:
    go.alter[SHOWS] = first_show(lambda show: show.update(name=show.pop("name")))
    assert (await compared(ours.url, go.url, SHOWS)).same


async def test_another_status_is_found(ours: Gateway, go: GoGateway) -> None:
    go.whole = answering(Response(b'{"code":13,"message":"broken","details":[]}', 500))
    outcome = await compared(ours.url, go.url, SHOWS)
    (finding,) = result(outcome, SHOWS).findings.values()
    assert (finding.kind, finding.here, finding.there) == (
        *("status", "200", "500 INTERNAL: broken"),
    )
    assert outcome.problem.startswith("no call succeeded on both")


async def test_ids_are_found_on_the_way(ours: Gateway, go: GoGateway) -> None:
    go.alter[FIND_SHOW] = lambda answer: {"show": answer["show"] | {"name": "other"}}
    outcome = await compared(ours.url, go.url, SHOWS, FIND_SHOW)
    found = result(outcome, FIND_SHOW)
    (finding,) = found.findings.values()
    assert (found.asked, found.succeeded, finding.count) == (2, 2, 2)
    assert finding.request == {"name": finding.here}
    alone = result(await compared(ours.url, go.url, FIND_SHOW), FIND_SHOW)
    assert alone.skipped == "no answer contained the name of a show.Show"


async def two_in_front_of(handler: Any, path: str) -> Outcome:
    """The outcome for two gateways in front of a Cuebot with this handler."""
    scripted = ScriptedCuebot(opencue().files)
    scripted.handlers[path] = handler
    async with (
        running_cuebot(scripted) as cuebot,
        gateway_for(cuebot.endpoint) as first,
        running_go_gateway(cuebot.endpoint) as second,
    ):
        return await compared(first.url, second.url, path)


def shows(running: int, *names: str) -> bytes:
    answer = message_class("show.ShowGetShowsResponse")()
    for name in names:
        answer.shows.shows.add(name=name).show_stats.running_frames = running
    payload: bytes = answer.SerializeToString()
    return payload


@pytest.mark.slow
async def test_what_moves_is_no_difference() -> None:
    calls = iter(range(1000))

    async def handler(request: bytes, context: Context) -> bytes:
        number = next(calls)
        return shows(number, *("demo" for _ in range(1 if number < 3 else number)))

    outcome = await two_in_front_of(handler, SHOWS)
    assert outcome.same
    found = result(outcome, SHOWS)
    assert (found.findings, found.verdict) == ({}, "same")
    assert "shows.shows[].showStats.runningFrames" in found.moving


@pytest.mark.slow
async def test_what_was_otherwise_for_a_moment_is_no_difference() -> None:
    calls = iter([1, 2, 1])

    async def handler(request: bytes, context: Context) -> bytes:
        return shows(next(calls, 1), "demo")

    outcome = await two_in_front_of(handler, SHOWS)
    assert outcome.same
    assert next(calls, None) is None


@pytest.mark.slow
async def test_what_differs_beside_what_moves_is_found(ours: Gateway, go: GoGateway) -> None:
    calls = iter(range(1000))

    async def handler(request: bytes, context: Context) -> bytes:
        return shows(next(calls), "demo")

    scripted = ScriptedCuebot(opencue().files)
    scripted.handlers[SHOWS] = handler
    async with (
        running_cuebot(scripted) as cuebot,
        gateway_for(cuebot.endpoint) as first,
        running_go_gateway(cuebot.endpoint) as second,
    ):
        second.alter[SHOWS] = first_show(lambda show: show.update(name="other"))
        outcome = await compared(first.url, second.url, SHOWS)
    assert kinds(result(outcome, SHOWS)) == {("value", "shows.shows[].name")}


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
async def both(scripted: ScriptedCuebot) -> AsyncIterator[tuple[str, str]]:
    """The URLs of our gateway and of OpenCue's, in front of it."""
    async with (
        gateway_for(scripted.endpoint) as first,
        running_go_gateway(scripted.endpoint) as second,
    ):
        yield first.url, second.url


async def test_what_the_profile_adds_is_sent_to_both(
    scripted: ScriptedCuebot, both: tuple[str, str]
) -> None:
    began = int(time.time())
    outcome = await compared(*both, JOBS, GET_UPDATED)
    asked = [payload for path, payload, _ in scripted.seen if path == GET_UPDATED]
    new = message_class("job.JobGetUpdatedFramesRequest").FromString
    assert len(asked) == 2
    assert all(began <= new(each).last_check <= time.time() for each in asked)
    assert {new(each).job.id for each in asked} == {"job-1"}
    assert (result(outcome, GET_UPDATED).succeeded, outcome.same) == (1, True)


@pytest.mark.slow
@pytest.mark.parametrize("grace", [1.0, -1.0], ids=["504", "no answer"])
async def test_a_method_that_neither_answers_in_time_is_skipped(
    scripted: ScriptedCuebot, both: tuple[str, str], monkeypatch: pytest.MonkeyPatch, grace: float
) -> None:
    """It is asked once, whoever's clock has run out, and no gateway is given up because of it."""
    monkeypatch.setattr("cuectl.client.gateway.GRACE_SECONDS", grace)
    never = (HOSTS, GET_UPDATED, ACTIVE, FACILITIES)
    for path in never:
        scripted.holds(path)
    outcome = await compared(*both, JOBS, SHOWS, *never, timeout=2)
    assert outcome.same
    for path in never:
        late = result(outcome, path)
        assert (late.verdict, late.skipped) == ("skipped", "neither gateway answered in time")
        assert [called for called, _, _ in scripted.seen].count(path) == 2
    assert result(outcome, SHOWS).verdict == "same"


@pytest.mark.slow
async def test_a_method_that_only_one_answers_in_time_differs(
    scripted: ScriptedCuebot, both: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cuectl.client.gateway.GRACE_SECONDS", 0.0)

    async def hang_for_the_other(request: bytes, context: Context) -> bytes:
        if "x-gateway-principal" not in dict(context.invocation_metadata() or ()):
            await asyncio.Event().wait()
        return b""

    scripted.handlers[HOSTS] = hang_for_the_other
    outcome = await compared(*both, FACILITIES, HOSTS, SHOWS, timeout=2)
    (finding,) = result(outcome, HOSTS).findings.values()
    assert (finding.kind, finding.here) == ("no-answer", 200)
    assert "did not answer within 2 s" in str(finding.there)
    assert (result(outcome, SHOWS).verdict, outcome.stopped) == ("same", "")


async def test_methods_are_asked_side_by_side(
    scripted: ScriptedCuebot, both: tuple[str, str]
) -> None:
    slow = [scripted.holds(path) for path in (HOSTS, ACTIVE)]
    told: list[str] = []
    comparing = asyncio.create_task(compared(*both, FACILITIES, HOSTS, ACTIVE, told=told.append))
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


async def test_a_web_server_is_no_gateway(ours: Gateway, go: GoGateway) -> None:
    go.whole = answering(HTMLResponse("<html>It works</html>"))
    outcome = await compared(ours.url, go.url, SHOWS)
    (finding,) = result(outcome, SHOWS).findings.values()
    assert (finding.kind, finding.there) == ("not-json", "<html>It works</html>")
    assert not outcome.same


async def test_nothing_but_404s_is_not_the_same(ours: Gateway, go: GoGateway) -> None:
    go.whole = answering(Response(b'{"code":5,"message":"Not Found","details":[]}', 404))
    outcome = await compared(ours.url, go.url, SHOWS, JOBS)
    assert outcome.count("differs") == 0
    assert not outcome.same


async def test_a_refused_token_ends_it(ours: Gateway, go: GoGateway) -> None:
    """Otherwise every method would be the same: an error."""
    async with (
        gateway_client(ours.url, token, 5) as first,
        gateway_client(go.url, lambda: "wrong", 5) as second,
    ):
        outcome = await Comparison(
            here=ReadOnlyGateway(first, FAST),
            there=ReadOnlyGateway(second, FAST),
            methods=catalog().methods,
            samples=1,
            seconds=60,
            documented={},
            wanted=lambda path: True,
        ).run()
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


SHOWS_METHOD = next(each for each in catalog().methods if each.path == SHOWS)


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


async def test_the_report(ours: Gateway, go: GoGateway) -> None:
    go.alter[FIND_SHOW] = lambda answer: {"show": answer["show"] | {"name": "other"}}
    outcome = await compared(ours.url, go.url, SHOWS, FIND_SHOW, "/cue.CueInterface/GetSystemStats")
    report = list(lines(outcome, 5))
    assert report[0].split() == ["METHOD", "ASKED", "RESULT"]
    assert [line.split(maxsplit=3) for line in report[1:4]] == [
        ["cue.CueInterface/GetSystemStats", "1", "expected", "expected: unserved"],
        [*(FIND_SHOW[1:], "2", "differs"), 'value show.name: "demo" here, "other" there (2 times)'],
        [SHOWS[1:], "1", "same"],
    ]
    assert report[-1] == (
        "3 methods: 1 the same, 1 different, 1 with expected differences only, 0 skipped"
        " (5 that change something were not sent)"
    )
    found = as_object(outcome, ours.url, go.url)
    assert found["same"] is False
    assert found["counts"] == {"same": 1, "differs": 1, "expected": 1, "skipped": 0}
    (difference,) = found["methods"][1]["differences"]
    assert difference["request"] == {"name": "demo"}


@pytest.mark.slow
async def test_the_page_shows_what_it_prints(ours: Gateway, go: GoGateway) -> None:
    def alter(answer: Any) -> Any:
        for frame in answer["frames"]["frames"]:
            frame["maxRss"] = int(frame["maxRss"])
        return answer

    go.alter["/job.JobInterface/GetFrames"] = alter
    report = set(map(stable, lines(await compared(ours.url, go.url), 196)))
    page = (ROOT / "docs" / "tools.md").read_text(encoding="utf-8")
    shown = page.partition("$ cuebot-gateway compare --other")[2].partition("```")[0].splitlines()
    wanted = [line for line in shown[1:-1] if "…" not in line and "moving:" not in line]
    assert len(wanted) >= 6
    assert [line for line in wanted if stable(line) not in report] == []


async def command(*arguments: str, **environ: str) -> Ran:
    """Run `compare` in a child process, against gateways in this one."""
    return await asyncio.to_thread(child, "compare", *arguments, **environ)


@pytest.mark.slow
async def test_the_command(cuebot: SimulatedCuebot, ours: Gateway, go: GoGateway) -> None:
    environ = {"CUEBOT_ENDPOINT": cuebot.endpoint, "GATEWAY_URL": ours.url, "TOKEN": token()}
    some = ("--other", go.url, "--rate", "1000", "--timeout", "2", "--methods", "show/*")
    ran = await command(*some, **environ)
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.splitlines()[-1].startswith("15 methods: ")
    go.alter[FIND_SHOW] = lambda answer: {"show": answer["show"] | {"name": "other"}}
    ran = await command(*some, "--json", **environ)
    assert (ran.status, ran.err) == (1, "")
    assert {each["method"] for each in ran.json["methods"] if each["result"] == "differs"} == {
        FIND_SHOW[1:]
    }
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
    ran = await command("--other", go.url, OTHER_TOKEN="a.b.c", **environ)
    assert ran.status == 1
    assert_one_line(ran, "the other gateway refused the token")


def test_a_filter_that_fits_no_read() -> None:
    options = ("--other", "http://a", "--url", "http://b", "--methods", "Job/Kill")
    ran = in_process("compare", *options, TOKEN=token(), DESCRIPTOR_SOURCE="package:opencue_proto")
    assert ran.status == 1
    assert_one_line(ran, "Job/Kill")
