"""What has changed between two answers: whoever follows the changes has the latest answer."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Code, GatewayError
from gateway.core.long_work import STEP, Step
from gateway.core.schema.method import Method
from gateway.features.views.changes import Difference, Known, comparison
from gateway.features.views.compiled_view import AnswerViews, CompiledView, Goal
from tests.features.views import answers
from tests.features.views.answers import GET_JOBS, PLAIN
from tests.support.clocks import step_of
from tests.support.opencue import message_class

GET_JOB = PLAIN.routes["/job.JobInterface/GetJob"]
Jobs = list[tuple[str, int]]
"""Ids, and what may change of each."""


def jobs(rows: Jobs, **more: Any) -> bytes:
    return answers.jobs(
        {"id": id_, "name": f"job {id_}", "priority": priority, **more} for id_, priority in rows
    )


def view_of(**asked: str) -> CompiledView:
    return AnswerViews.of(GET_JOBS).of_events(
        tuple((f"_{name}", text) for name, text in asked.items())
    )


def differ(
    view: CompiledView,
    answer: bytes,
    before: Known | None,
    *,
    whole: bool = False,
    goal: Goal | None = None,
    step: Step = STEP,
    method: Method = GET_JOBS,
) -> tuple[Difference, int]:
    """The difference, and after how many steps it was found."""
    finding, steps = comparison(view, method.encoders)(answer, before, whole, goal, step), 0
    while True:
        try:
            next(finding)
        except StopIteration as found:
            return found.value, steps
        steps += 1


def json_of(pieces: tuple[bytes, ...] | None) -> Any:
    assert pieces is not None
    return orjson.loads(b"".join(pieces))


UNIQUE = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 2)).map(
    lambda found: list(found.items())
)
ANSWERS = st.lists(UNIQUE.flatmap(st.permutations), min_size=1, max_size=6)
VIEWS = st.sampled_from(
    [{}, {"fields": "id,priority"}, {"where": "priority>0"}, {"sort": "-priority", "limit": "3"}]
)


@given(ANSWERS, VIEWS)
def test_who_follows_the_changes_has_the_latest_rows(
    answers: list[Jobs], asked: dict[str, str]
) -> None:
    view, known, rows = view_of(**asked), None, dict[str, Any]()
    for answer in answers:
        payload = jobs(answer)
        found, _ = differ(view, payload, known)
        if found.change is None:
            shown = json_of(found.whole)["jobs"]["jobs"]
            rows = {row["id"]: row for row in shown}
            assert shown == orjson.loads(b"".join(view.encode(payload)))["jobs"]["jobs"]
        else:
            before, change = dict(rows), json_of(found.change)
            assert {row["id"] for row in change["added"]}.isdisjoint(rows)
            assert {row["id"] for row in change["changed"]} <= rows.keys()
            for id_ in change["removed"]:
                del rows[id_]
            rows |= {row["id"]: row for row in (*change["added"], *change["changed"])}
            assert found.is_equal == (before == rows)
        latest = orjson.loads(b"".join(view.encode(payload)))["jobs"]["jobs"]
        assert rows == {row["id"]: row for row in latest}
        known = found.known


@given(st.lists(st.tuples(st.sampled_from(["a", "b", ""]), st.integers(0, 1)), max_size=4))
def test_rows_that_ids_do_not_tell_apart_are_sent_whole(rows: Jobs) -> None:
    view, unique = view_of(), len({id_ for id_, _ in rows if id_}) == len(rows)
    first, _ = differ(view, jobs([("c", 1)]), None)
    found, _ = differ(view, jobs(rows), first.known)
    assert (found.change is not None, found.known.rows is not None) == (unique, unique)
    if not unique:
        assert len(json_of(found.whole)["jobs"]["jobs"]) == len(rows)
        again, _ = differ(view, jobs(rows), found.known)
        assert (again.is_equal, again.whole, again.change) == (True, None, None)


@pytest.mark.parametrize(
    ("until", "rows", "done"),
    [
        ("priority=1", [("a", 1), ("b", 1)], True),
        ("priority=1", [("a", 1), ("b", 0)], False),
        ("priority=1", [], False),
    ],
)
@pytest.mark.parametrize("asked", [{}, {"fields": "name"}, {"fields": "jobs"}])
def test_a_goal_is_of_all_rows(until: str, rows: Jobs, done: bool, asked: dict[str, str]) -> None:
    view = view_of(**asked)
    goal = AnswerViews.of(GET_JOBS).goal(until, view)
    found, _ = differ(view, jobs(rows), None, goal=goal)
    assert found.is_done == done
    again, _ = differ(view, jobs(rows), found.known, goal=goal)
    assert (again.is_done, again.is_equal) == (done, True)


@pytest.mark.parametrize(("priority", "done"), [(1, True), (0, False)])
def test_a_goal_is_of_the_only_object(priority: int, done: bool) -> None:
    view = AnswerViews.of(GET_JOB).of_events(())
    answer = message_class("job.JobGetJobResponse")()
    goal = AnswerViews.of(GET_JOB).goal("priority=1", view)
    for is_set in (False, True):
        if is_set:
            answer.job.priority = priority
        found, _ = differ(view, answer.SerializeToString(), None, goal=goal, method=GET_JOB)
        assert found.is_done == (is_set and done)


@pytest.mark.parametrize("log_dir", ["/short", "x" * 40_000])
def test_long_answers_are_compared_in_steps(log_dir: str) -> None:
    rows = [(str(number), 0) for number in range(300)]
    first, steps = differ(view_of(), jobs(rows, log_dir=log_dir), None, step=step_of(10))
    assert steps >= 30
    whole, _ = differ(view_of(), jobs(rows, log_dir=log_dir), None)
    assert b"".join(first.whole or ()) == b"".join(whole.whole or ())
    assert max(map(len, first.whole or ())) < 200_000
    found, steps = differ(view_of(), jobs([]), first.known, step=step_of(10))
    assert (steps >= 20, len(json_of(found.change)["removed"])) == (True, 300)


def test_what_cannot_be_read_is_an_error() -> None:
    with pytest.raises(GatewayError) as caught:
        differ(view_of(), b"\x0a\x03\x0a\x01\xff", None)
    assert caught.value.code is Code.INTERNAL
