"""`call --watch` and `--until`, both ways, over event streams and by repeated calls."""

import asyncio
import json
from collections.abc import Callable

import pytest

from gateway_cli.calling.options import Watch
from gateway_cli.calling.views import OutputOptions
from gateway_client import gateway as client_module
from gateway_client.event_stream import LostRows, Row, Watched, events_in, in_order
from gateway_client.gateway import gateway_client
from gateway_client.terminal.exits import FAILED, GAVE_UP, WRONG_USAGE
from tests.gateway_cli.calls import JSON, NO_PUT, Opening, Reply, Watching, perform, stand_in
from tests.support.needs import needs
from tests.support.opencue import message_class
from tests.support.patience import until
from tests.support.servers import Gateway, ScriptedCuebot, token

pytestmark = [pytest.mark.anyio, needs("watch", "views")]

GET_JOBS = "/job.JobInterface/GetJobs"
FINISHED = 1


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks may follow one another at once."""
    monkeypatch.setattr("gateway.features.watch.options.LEAST_PERIOD_SECONDS", 0.001)
    monkeypatch.setattr(client_module, "LEAST_PERIOD_SECONDS", 0.01)


def jobs(**states: int) -> bytes:
    answer = message_class("job.JobGetJobsResponse")()
    answer.jobs.SetInParent()
    for name, state in states.items():
        answer.jobs.jobs.add(id=f"id of {name}", name=name, state=state, priority=len(name))
    payload: bytes = answer.SerializeToString()
    return payload


def watched(gateway: Gateway, options: OutputOptions) -> Watching:
    return Watching(gateway_client(gateway.url, token, 10), "Job/GetJobs", options)


async def test_what_changes_is_printed(gateway: Gateway, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_JOBS, jobs(bb=0, a=0))
    options = OutputOptions(form="table", fields=("name", "state"), sort="priority")
    watching = watched(gateway, options)
    await watching.prints("name  state", "a     PENDING", "bb    PENDING")
    cuebot.answers(GET_JOBS, jobs(bb=FINISHED, ccc=0))
    await watching.prints("name  state", "bb    FINISHED", "ccc   PENDING")
    cuebot.answers(GET_JOBS, jobs(ccc=0, a=0))
    await watching.prints("name  state", "a     PENDING", "ccc   PENDING")
    await watching.end()
    assert watching.out.getvalue().count(b"name") == 3


@pytest.mark.parametrize(
    ("options", "first", "second"),
    [
        (
            OutputOptions(fields=("name",)),
            '{"jobs":{"jobs":[{"name":"a"}]}}',
            '{"jobs":{"jobs":[]}}',
        ),
        (OutputOptions(form="name"), "a", ""),
        (OutputOptions(form="ndjson", fields=("name",)), '{"name":"a"}', ""),
        (OutputOptions(form="csv", fields=("name",)), '"a"', '"name"'),
        (
            OutputOptions(group="state", count=True),
            '{"groups":[{"state":"PENDING","count":1}]}',
            '{"groups":[]}',
        ),
    ],
)
async def test_forms(
    gateway: Gateway, cuebot: ScriptedCuebot, options: OutputOptions, first: str, second: str
) -> None:
    cuebot.answers(GET_JOBS, jobs(a=0))
    watching = watched(gateway, options)
    await until(lambda: watching.text.rstrip().split("\r\n")[-1].endswith(first))
    cuebot.answers(GET_JOBS, jobs())
    if second:
        await until(lambda: watching.text.rstrip().endswith(second))
    await watching.end()
    assert watching.err.getvalue() == ""


async def finish_later(cuebot: ScriptedCuebot, condition: Callable[[], object]) -> None:
    await until(condition)
    cuebot.answers(GET_JOBS, jobs(a=FINISHED))


async def test_until_waits_for_all_rows(opening: Opening, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_JOBS, jobs(a=FINISHED, b=0))
    seen = len(cuebot.seen)
    finishing = asyncio.create_task(finish_later(cuebot, lambda: len(cuebot.seen) > seen + 1))
    watch = Watch(every=0.01, shows=False, until="state=FINISHED")
    done = await perform(opening(), "Job/GetJobs", fields=("name", "state"), watch=watch)
    await finishing
    assert (done.status, done.err) == (0, "")
    assert done.out == "name  state\na     FINISHED\n"


async def test_no_row_is_no_end(opening: Opening, cuebot: ScriptedCuebot) -> None:
    cuebot.answers(GET_JOBS, jobs())
    watch = Watch(every=0.01, shows=False, until="state=FINISHED", timeout=0.3)
    done = await perform(opening(), "Job/GetJobs", watch=watch)
    assert done.status == GAVE_UP
    assert done.problem == "gave up: no 'state=FINISHED' within 0.3 s"


@pytest.mark.parametrize(
    ("name", "condition", "problem"),
    [
        ("Job/GetJobs", "stat=FINISHED", "--until: .*did you mean state?"),
        ("Job/GetSows", "state=FINISHED", "Job/GetSows"),
    ],
)
async def test_what_cannot_be_waited_for(
    opening: Opening, cuebot: ScriptedCuebot, name: str, condition: str, problem: str
) -> None:
    watch = Watch(shows=False, until=condition)
    done = await perform(opening(), name, watch=watch)
    assert done.status == WRONG_USAGE
    assert problem.partition(".*")[2] in done.problem


async def test_a_gateway_without_event_streams_is_asked_again_and_again() -> None:
    answers: list[Reply] = [
        ("400 Bad Request", JSON, b'{"code":3,"message":"?_every: there is no such parameter"}'),
        ("200 OK", JSON | {"X-Schema": "a"}, b'{"shows":1}'),
        ("200 OK", JSON | {"X-Schema": "a"}, b'{"shows":2}'),
    ]
    async with stand_in(POST=answers, PUT=NO_PUT) as server:
        watching = Watching(gateway_client(server.url, token, 5), "Show/GetShows")
        await until(lambda: watching.text.startswith('{"shows":1}\n{"shows":2}\n'))
        await watching.end()


async def test_waiting_needs_event_streams() -> None:
    refusal: Reply = ("400 Bad Request", JSON, b'{"code":3,"message":"?_every: unknown"}')
    async with stand_in(POST=refusal, PUT=NO_PUT) as server:
        watch = Watch(shows=False, until="state=FINISHED")
        done = await perform(gateway_client(server.url, token, 5), "Job/GetJobs", watch=watch)
    assert done.status == FAILED
    assert "does not serve event streams" in done.problem


async def test_events_are_read_in_any_pieces() -> None:
    text = (
        'retry: 2000\n\n:\n\nid: 1-1\nevent: snapshot\ndata: {"a":"x\u2028y"}\n\n'
        "id: 1-2\nevent: change\ndata: {}\n\nid: 1-3\ndata: cut"
    ).encode()
    for size in (1, 7, len(text)):

        async def pieces(size: int = size):  # type: ignore[no-untyped-def]  # noqa: ANN202
            for begin in range(0, len(text), size):
                yield text[begin : begin + size]

        events = [event async for event in events_in(pieces())]
        assert [(event.kind, event.id) for event in events] == [
            ("snapshot", "1-1"),
            ("change", "1-2"),
        ]
        assert json.loads(events[0].data) == {"a": "x\u2028y"}


def test_a_change_of_rows_that_are_not_there_needs_a_snapshot() -> None:
    watched = Watched()
    watched.take(b'{"jobs":{"jobs":[{"id":"a"}]}}')
    with pytest.raises(LostRows):
        watched.change(b'{"added":[],"changed":[{"id":"b"}],"removed":[]}')


def test_rows_are_in_the_order_of_a_view() -> None:
    """Integers of 64 bits are texts; what is not set comes last, either way."""
    rows: list[Row] = [{"n": "10", "x": {"y": "b"}}, {"n": "9", "x": {"y": "a"}}, {"x": {"y": "c"}}]
    assert [row["x"]["y"] for row in in_order(rows, ["n"])] == ["a", "b", "c"]
    assert [row["x"]["y"] for row in in_order(rows, ["-n"])] == ["b", "a", "c"]
    assert [row["x"]["y"] for row in in_order(rows, ["-x.y"])] == ["c", "b", "a"]
