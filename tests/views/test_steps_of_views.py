"""Views of many rows, or of long ones: steps end by the clock, and what they show is the same."""

import gc
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
import re2

from gateway.codec.slices import SLICE_BYTES
from gateway.compat.build import build_catalog
from gateway.discovery.files import OPENCUE_PACKAGE, read_package
from gateway.errors import Code, GatewayError
from gateway.long_work import Step
from gateway.schema.selection import Selection
from gateway.views import filter_expressions
from gateway.views.changes import fingerprint, fingerprint_of_shown
from gateway.views.filter_expressions import MOST_INSTRUCTIONS, MOST_PATTERNS, MOST_WORK
from gateway.views.order import Order
from gateway.views.render import LARGEST_ROW, ROWS_PER_SORT, Viewed, compile_view
from gateway.views.units import Units
from gateway.views.view import View, make_view
from tests.support.clocks import HandClock, step_of
from tests.support.opencue import message_class

CATALOG = build_catalog(read_package(OPENCUE_PACKAGE), Selection())
GET_JOBS = CATALOG.routes["/job.JobInterface/GetJobs"]
GET_HOSTS = CATALOG.routes["/host.HostInterface/GetHostWhiteboard"]
UNITS: Units = {"job.Job.start_time": "time"}
ROWS, LOOKS = 2000, 10
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
    answer = message_class("job.JobGetJobsResponse")()
    for number in range(count):
        mixed = number * 7919 % count
        names = {"name": f"job{mixed}", "log_dir": f"/a/long/way/{mixed % 50}", "user": "lena"}
        answer.jobs.jobs.add(**names, priority=mixed % 7, **more)
    payload: bytes = answer.SerializeToString()
    return payload


def endless() -> Step:
    """A step in which no time passes."""
    step = Step(HandClock())
    step.begin()
    return step


def view_of(**asked: str) -> View:
    return make_view(GET_JOBS.descriptor.output_type, {f"_{name}": asked[name] for name in asked})


def shown(view: View, payload: bytes, step: Step) -> Iterable[bytes]:
    return compile_view(view, GET_JOBS.encoders)(payload, step)


def in_one_step(view: View, payload: bytes) -> bytes:
    return b"".join(shown(view, payload, endless()))


@pytest.mark.parametrize("format_", ["json", "ndjson", "csv"])
@pytest.mark.parametrize("asked", VIEWS, ids=str)
def test_no_step_looks_at_more_rows_than_time_allows(asked: dict[str, str], format_: str) -> None:
    """Whether they fit or not, in any order and format; and all steps together show the same."""
    view, payload = view_of(**asked, format=format_), jobs(ROWS)
    viewed = shown(view, payload, step_of(LOOKS))
    assert isinstance(viewed, Viewed)
    found, before, paused = [], 0, 0
    for piece in viewed:
        assert viewed.progress.looked_at - before <= LOOKS
        before = viewed.progress.looked_at
        assert piece.count(b'"name"') <= LOOKS + 1
        assert piece.count(b"\n") <= LOOKS + 1
        paused += 1
        found.append(piece)
    assert (viewed.progress.looked_at, viewed.progress.rows) == (ROWS, ROWS)
    assert paused >= ROWS / LOOKS
    assert b"".join(found) == in_one_step(view, payload)


@pytest.mark.parametrize("format_", ["json", "ndjson", "csv"])
@pytest.mark.parametrize("asked", VIEWS, ids=str)
def test_a_short_answer_may_take_its_time_too(asked: dict[str, str], format_: str) -> None:
    """It is one piece only if that takes no longer than a step."""
    view, payload = view_of(**asked, format=format_), jobs(100)
    whole = in_one_step(view, payload)
    assert shown(view, payload, endless()) == (whole,)
    viewed = shown(view, payload, step_of(LOOKS))
    assert isinstance(viewed, Viewed)
    assert viewed.progress.looked_at <= LOOKS
    assert b"".join(viewed) == whole


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
    for piece in shown(view, payload, step_of(1)):
        assert compared <= ROWS_PER_SORT * ROWS_PER_SORT.bit_length()
        compared = 0
        found.append(piece)
    names = [row["name"] for row in orjson.loads(b"".join(found))["jobs"]["jobs"]]
    assert names == sorted(names)
    assert len(names) == 5 * ROWS_PER_SORT


def test_equal_rows_stay_in_their_order() -> None:
    payload = jobs(4 * ROWS_PER_SORT)
    rows = orjson.loads(b"".join(GET_JOBS.encode(payload)))["jobs"]["jobs"]
    seen = orjson.loads(b"".join(shown(view_of(sort="priority"), payload, step_of(3))))
    assert seen["jobs"]["jobs"] == sorted(rows, key=lambda row: row["priority"])


def test_a_long_row_is_written_in_pieces() -> None:
    answer = message_class("host.HostGetHostWhiteboardResponse")()
    for name, procs in (("a", 1), ("b", 2000), ("c", 1), ("d", 2000), ("e", 2000)):
        host = answer.nested_hosts.nested_hosts.add(name=name)
        for number in range(procs):
            host.procs.nested_procs.add(name=f"{name}{number}", job_name="a long name of a job")
    payload = answer.SerializeToString()
    whole = orjson.loads(b"".join(GET_HOSTS.encode(payload)))
    hosts = whole["nestedHosts"]["nestedHosts"]
    for asked in ({}, {"_sort": "-name"}, {"_where": "name!=d"}, {"_format": "ndjson"}):
        view = make_view(GET_HOSTS.descriptor.output_type, asked)
        found = list(compile_view(view, GET_HOSTS.encoders)(payload, step_of(LOOKS)))
        assert max(map(len, found)) < 3 * SLICE_BYTES
        expected = [host for host in hosts if host["name"] != "d" or "_where" not in asked]
        if "_format" in asked:
            assert [orjson.loads(line) for line in b"".join(found).splitlines()] == expected
            continue
        rows = orjson.loads(b"".join(found))["nestedHosts"]["nestedHosts"]
        assert rows == (expected[::-1] if "_sort" in asked else expected)


@pytest.mark.parametrize("asked", [{"where": "priority=0"}, {"format": "csv"}, {"sort": "name"}])
def test_a_row_may_be_too_long_for_a_view(asked: dict[str, str]) -> None:
    """Parsing it is one step: it is refused before that, and the way out is named."""
    fits = jobs(1, facility="x" * (LARGEST_ROW - 1000))
    assert b"".join(shown(view_of(**asked), fits, step_of(LOOKS)))
    payload = jobs(3) + jobs(1, facility="x" * LARGEST_ROW)
    with pytest.raises(GatewayError, match="row 4 has 2,") as refused:
        list(shown(view_of(**asked), payload, step_of(LOOKS)))
    assert refused.value.code is Code.INVALID_ARGUMENT
    assert "without a view" in refused.value.message


def refusal(where: str) -> str:
    with pytest.raises(GatewayError) as refused:
        view_of(where=where)
    assert refused.value.code is Code.INVALID_ARGUMENT
    return refused.value.message


def test_a_pattern_may_have_so_many_instructions() -> None:
    assert re2.compile(AT_THE_BOUND).programsize <= MOST_INSTRUCTIONS
    eight = " or ".join(f"name~'{AT_THE_BOUND[:-1]}{n}'" for n in range(MOST_PATTERNS))
    assert view_of(where=eight).where
    for pattern in (ABOVE, AT_THE_BOUND.replace("44", "45"), "a" * 3000):
        message = refusal(f"user=lena or name~'{pattern}'")
        assert f"_where: name~{pattern[:20]!r}"[:-1] in message
        assert "at 19" in message
        assert "2,000 instructions" in message


def test_patterns_may_have_so_many_classes_of_unicode() -> None:
    several = [rf"name~'{n}\\pL'" for n in range(filter_expressions.MOST_CLASSES)]
    assert view_of(where=" or ".join(several)).where
    several[0] = r"name~'\\pL\\PN'"
    assert "classes of Unicode" in refusal(" or ".join(several))


def test_a_pattern_is_not_kept() -> None:
    """Neither by RE2's own cache nor here: each may take a quarter of a megabyte."""

    def kept() -> int:
        gc.collect()
        return sum(type(each) is kind for each in gc.get_objects())

    kind = type(re2.compile("a"))
    before = kept()
    for number in range(20):
        assert view_of(where=f"name~'x{number}{AT_THE_BOUND}'").where
        refusal(f"name~'x{number}{ABOVE}'")
        refusal(f"name~'({number}'")
    assert kept() <= before


def test_the_texts_of_a_row_may_be_too_long_for_its_patterns() -> None:
    """A match cannot be interrupted. Each row counts for itself, with all patterns that see it."""
    length = MOST_WORK // re2.compile(AT_THE_BOUND).programsize
    two = f"name~'^x' or facility~'{AT_THE_BOUND}'"
    fitting = jobs(50, facility="x" * (length - 50))
    assert b"".join(shown(view_of(where=two), fitting, step_of(LOOKS)))
    for facility in ("x" * (length + 1), "ü" * (length // 2 + 1)):
        with pytest.raises(GatewayError, match="bytes in facility") as refused:
            list(shown(view_of(where=two), fitting + jobs(1, facility=facility), step_of(LOOKS)))
        assert refused.value.code is Code.INVALID_ARGUMENT


@pytest.mark.parametrize("where", ["", "startTime<now", "startTime>now"])
def test_no_step_digests_more_rows_than_its_time_allows(where: str) -> None:
    """Of the whole answer, or of the rows that fit at a time: of all here, or of none."""
    rows = GET_JOBS.views.rows
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
