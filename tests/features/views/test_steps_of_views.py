"""Views of many rows, or of long ones: steps end by the clock, and what they show is the same."""

import gc
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
import re2

from gateway.core.codec.slices import SLICE_BYTES
from gateway.core.errors import Code, GatewayError
from gateway.core.long_work import Step
from gateway.features.views import filter_expressions
from gateway.features.views.changes import fingerprint, fingerprint_of_shown
from gateway.features.views.filter_expressions import MOST_INSTRUCTIONS, MOST_PATTERNS, MOST_WORK
from gateway.features.views.order import Order
from gateway.features.views.render import LARGEST_ROW, ROWS_PER_SORT, Viewed, compile_view
from gateway.features.views.units import Units
from gateway.features.views.view import make_view
from tests.features.views import answers
from tests.features.views.answers import (
    GET_JOBS,
    LOOKS,
    PLAIN,
    refusal,
    rows_in,
    seen,
    shown,
    view_of,
    whole,
)
from tests.support.clocks import HandClock, step_of
from tests.support.opencue import message_class

GET_WHITEBOARD = PLAIN.routes["/host.HostInterface/GetHostWhiteboard"]
UNITS: Units = {"job.Job.start_time": "time"}
ROWS = 2000
AT_THE_BOUND = "(?:.?.?.?.?.?){44}!0"
ABOVE = "(?:.?.?.?.?.?){1000}!0"
VIEWS = [
    {},
    {"where": "priority>3"},
    {"where": "name~'^nothing'"},
    {"sort": "user,-name"},
    {"sort": "-logDir", "limit": "5"},
    {"sort": "priority", "limit": "1000", "fields": "name"},
    {"where": "priority<5", "sort": "-priority,logDir,name", "fields": "name,priority"},
]


def jobs(count: int, **more: Any) -> bytes:
    """So many jobs, in an order that is none."""
    numbers = [number * 7919 % count for number in range(count)]
    return answers.jobs(
        {
            "name": f"job{number}",
            "log_dir": f"/a/long/way/{number % 50}",
            "user": "lena",
            "priority": number % 7,
            **more,
        }
        for number in numbers
    )


def endless() -> Step:
    """A step in which no time passes."""
    step = Step(HandClock())
    step.begin()
    return step


@pytest.mark.parametrize("format_", ["json", "ndjson", "csv"])
@pytest.mark.parametrize("asked", VIEWS, ids=str)
def test_no_step_looks_at_more_rows_than_time_allows(asked: dict[str, str], format_: str) -> None:
    """Whether they fit or not, in any order and format; and all steps together show the same.

    A short answer is one piece only if that takes no longer than a step.
    """
    asked = {**asked, "format": format_}
    for count in (100, ROWS):
        payload = jobs(count)
        viewed = shown(payload, step_of(LOOKS), **asked)
        assert isinstance(viewed, Viewed)
        assert viewed.progress.looked_at <= LOOKS
        found, before = [], 0
        for piece in viewed:
            assert viewed.progress.looked_at - before <= LOOKS
            before = viewed.progress.looked_at
            assert piece.count(b'"name"') <= LOOKS + 1
            assert piece.count(b"\n") <= LOOKS + 1
            found.append(piece)
        assert (viewed.progress.looked_at, viewed.progress.rows) == (count, count)
        assert len(found) >= count / LOOKS
        in_one_step = [*shown(payload, endless(), **asked)]
        assert b"".join(found) == b"".join(in_one_step)
        assert count == ROWS or len(in_one_step) == 1


def test_a_step_compares_few_rows_with_each_other() -> None:
    compared = 0

    class Key(bytes):
        def __lt__(self, other: bytes) -> bool:
            nonlocal compared
            compared += 1
            return bytes.__lt__(self, other)

        __hash__ = bytes.__hash__

    class Counted(Order):
        def key(self, row: Any, end: bytes) -> bytes:
            return Key(super().key(row, end))

    view = view_of(sort="name")
    assert view.order is not None
    view = replace(view, order=Counted(view.order.parts))
    payload = jobs(5 * ROWS_PER_SORT)
    found = []
    for piece in compile_view(view, GET_JOBS.encoders)(payload, step_of(1)):
        assert compared <= ROWS_PER_SORT * ROWS_PER_SORT.bit_length()
        compared = 0
        found.append(piece)
    names = [row["name"] for row in rows_in(found)]
    assert names == sorted(names)
    assert len(names) == 5 * ROWS_PER_SORT


def test_equal_rows_stay_in_their_order() -> None:
    payload = jobs(4 * ROWS_PER_SORT)
    found = rows_in(shown(payload, step_of(3), sort="priority"))
    assert found == sorted(whole(payload), key=lambda row: row["priority"])


def test_a_long_row_is_written_in_pieces() -> None:
    answer = message_class("host.HostGetHostWhiteboardResponse")()
    for name, procs in (("a", 1), ("b", 2000), ("c", 1), ("d", 2000), ("e", 2000)):
        host = answer.nested_hosts.nested_hosts.add(name=name)
        for number in range(procs):
            host.procs.nested_procs.add(name=f"{name}{number}", job_name="a long name of a job")
    payload = answer.SerializeToString()
    every = whole(payload, GET_WHITEBOARD)
    for asked in ({}, {"sort": "-name"}, {"where": "name!=d"}, {"format": "ndjson"}):
        found = list(shown(payload, step_of(LOOKS), GET_WHITEBOARD, **asked))
        assert max(map(len, found)) < 3 * SLICE_BYTES
        expected = [host for host in every if host["name"] != "d" or "where" not in asked]
        if "format" in asked:
            assert [orjson.loads(line) for line in b"".join(found).splitlines()] == expected
        else:
            assert rows_in(found) == (expected[::-1] if "sort" in asked else expected)


@pytest.mark.parametrize("asked", [{"where": "priority=0"}, {"format": "csv"}, {"sort": "name"}])
def test_a_row_may_be_too_long_for_a_view(asked: dict[str, str]) -> None:
    """Parsing it is one step: it is refused before that, and the way out is named."""
    fits = jobs(1, facility="x" * (LARGEST_ROW - 1000))
    assert seen(fits, **asked)
    payload = jobs(3) + jobs(1, facility="x" * LARGEST_ROW)
    with pytest.raises(GatewayError, match="row 4 has 2,") as refused:
        seen(payload, **asked)
    assert refused.value.code is Code.INVALID_ARGUMENT
    assert "without a view" in refused.value.message


def test_a_pattern_may_have_so_many_instructions() -> None:
    assert re2.compile(AT_THE_BOUND).programsize <= MOST_INSTRUCTIONS
    eight = " or ".join(f"name~'{AT_THE_BOUND[:-1]}{n}'" for n in range(MOST_PATTERNS))
    assert view_of(where=eight).where
    for pattern in (ABOVE, AT_THE_BOUND.replace("44", "45"), "a" * 3000):
        message = refusal(where=f"user=lena or name~'{pattern}'")
        assert f"_where: name~{pattern[:20]!r}"[:-1] in message
        assert "at 19" in message
        assert "2,000 instructions" in message


def test_patterns_may_have_so_many_classes_of_unicode() -> None:
    several = [rf"name~'{n}\\pL'" for n in range(filter_expressions.MOST_CLASSES)]
    assert view_of(where=" or ".join(several)).where
    several[0] = r"name~'\\pL\\PN'"
    assert "classes of Unicode" in refusal(where=" or ".join(several))


def test_a_pattern_is_not_kept() -> None:
    """Neither by RE2's own cache nor here: each may take a quarter of a megabyte."""

    def kept() -> int:
        gc.collect()
        return sum(type(each) is kind for each in gc.get_objects())

    kind = type(re2.compile("a"))
    before = kept()
    for number in range(20):
        assert view_of(where=f"name~'x{number}{AT_THE_BOUND}'").where
        refusal(where=f"name~'x{number}{ABOVE}'")
        refusal(where=f"name~'({number}'")
    assert kept() <= before


def test_the_texts_of_a_row_may_be_too_long_for_its_patterns() -> None:
    """A match cannot be interrupted. Each row counts for itself, with all patterns that see it."""
    length = MOST_WORK // re2.compile(AT_THE_BOUND).programsize
    two = f"name~'^x' or facility~'{AT_THE_BOUND}'"
    fitting = jobs(50, facility="x" * (length - 50))
    assert seen(fitting, where=two)
    for facility in ("x" * (length + 1), "ü" * (length // 2 + 1)):
        with pytest.raises(GatewayError, match="bytes in facility") as refused:
            seen(fitting + jobs(1, facility=facility), where=two)
        assert refused.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("where", ["", "startTime<now", "startTime>now"])
def test_no_step_digests_more_rows_than_its_time_allows(where: str) -> None:
    """Of the whole answer, or of the rows that fit at a time: of all here, or of none."""
    rows = GET_JOBS.rows
    assert rows is not None
    answer = GET_JOBS.descriptor.output_type
    view = make_view(answer, {"_where": where}, units=UNITS, now=2) if where else None

    def digested(step: Step) -> tuple[bytes, int]:
        finding: Iterator[bytes] = (
            fingerprint(payload, rows, step)
            if view is None
            else fingerprint_of_shown(payload, view, rows, step)
        )
        steps = 0
        while True:
            try:
                assert next(finding) == b""
            except StopIteration as found:
                return found.value, steps
            steps += 1

    payload = jobs(ROWS, start_time=1)
    whole, none = digested(endless())
    assert none == 0
    many, steps = digested(step_of(LOOKS))
    assert many == whole
    assert steps >= ROWS / LOOKS
