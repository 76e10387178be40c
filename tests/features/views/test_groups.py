"""Groups: `_group`, `_count`, `_sum`, `_min` and `_max`, against the same done with plain JSON."""

import csv
import io
import math
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Code, GatewayError
from gateway.features.views import groups
from gateway.features.views.render import ROWS_PER_SORT, Viewed, compile_view
from gateway.features.views.view import make_view
from tests.features.views.answers import LOOKS, Row, jobs, refusal, seen, shown, whole
from tests.support.clocks import step_of
from tests.support.opencue import message_class
from tests.support.protos import TestSchema as SchemaOfTests
from tests.support.protos import trial

FOREIGN = trial()
TOTAL = "jobStats.totalFrames"


def grouped(payload: bytes, **asked: object) -> list[Row]:
    found: list[Row] = orjson.loads(seen(payload, **asked))["groups"]
    return found


JOBS = st.lists(
    st.fixed_dictionaries(
        {"show": st.sampled_from(["harbor", "demo", "=1"]), "state": st.integers(0, 3)},
        optional={
            "uid": st.integers(0, 1),
            "is_paused": st.booleans(),
            "priority": st.integers(-3, 3),
            "min_cores": st.sampled_from([0.1, 0.5, 2.0, 7.25, math.inf, math.nan]),
            "job_stats": st.fixed_dictionaries(
                {},
                optional={
                    "total_frames": st.integers(-5, 5),
                    "max_rss": st.integers(-(2**63), 2**63 - 1),
                },
            ),
        },
    ),
    max_size=12,
).map(jobs)


def at(row: Row, path: str) -> Any:
    """What a row's JSON has at a path: None for what is not there."""
    value: Any = row
    for name in path.split("."):
        value = None if value is None else value.get(name)
    return value


def number(value: Any) -> Any:
    """A number of JSON, where 64-bit ones and some floats are texts."""
    if not isinstance(value, str):
        return value
    return float(value) if value in ("NaN", "Infinity", "-Infinity") else int(value)


def numbers(rows: list[Row], path: str) -> list[Any]:
    return [number(found) for row in rows if (found := at(row, path)) is not None]


def extreme(rows: list[Row], path: str, choose: Callable[[Any], Any]) -> Any:
    return choose([each for each in numbers(rows, path) if each == each] or [None])


def expected(rows: list[Row], by: list[str]) -> dict[tuple[Any, ...], Any]:
    found: dict[tuple[Any, ...], Any] = {}
    for key in {tuple(at(row, path) for path in by) for row in rows}:
        some = [row for row in rows if tuple(at(row, path) for path in by) == key]
        found[key] = {
            "count": len(some),
            "sum": {
                TOTAL: sum(numbers(some, TOTAL)),
                "jobStats.maxRss": sum(numbers(some, "jobStats.maxRss")),
                "minCores": sum(numbers(some, "minCores")),
            },
            "min": {
                path: extreme(some, path, min) for path in (TOTAL, "jobStats.maxRss", "minCores")
            },
            "max": {"priority": extreme(some, "priority", max)},
        }
    return found


def read(group: Row) -> Row:
    """The aggregates of a group, with numbers instead of texts."""
    return {
        "count": group["count"],
        **{
            kind: {path: number(value) for path, value in group[kind].items()}
            for kind in ("sum", "min", "max")
        },
    }


def same(one: Any, other: Any) -> bool:
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, float) or isinstance(other, float):
        return bool((one != one and other != other) or one == pytest.approx(other))
    return bool(one == other)


FIELDS = ["show", "state", "uid", "isPaused", "priority", "minCores", TOTAL]


@given(JOBS, st.lists(st.sampled_from(FIELDS), min_size=1, max_size=3, unique=True))
def test_groups_are_those_of_plain_json(payload: bytes, by: list[str]) -> None:
    """Of every type of field; what is not set is a group of its own, and counts in no sum."""
    found = grouped(
        payload,
        group=",".join(by),
        count="true",
        sum=f"{TOTAL},jobStats.maxRss,minCores",
        min=f"{TOTAL},jobStats.maxRss,minCores",
        max="priority",
    )
    wanted = expected(whole(payload), by)
    keys = [tuple(group[path] for path in by) for group in found]
    assert len(keys) == len(set(keys)) == len(wanted)
    for key, group in zip(keys, found, strict=True):
        assert same(read(group), wanted[key]), (key, read(group), wanted[key])
        assert list(group) == [*by, "count", "sum", "min", "max"]
        assert isinstance(group["sum"][TOTAL], str)


@given(JOBS)
def test_without_groups_there_is_one_answer_about_all_rows(payload: bytes) -> None:
    rows = [row for row in whole(payload) if row["priority"] > 0]
    found = orjson.loads(seen(payload, where="priority>0", count="true", sum=TOTAL, max="priority"))
    assert found == {
        "count": len(rows),
        "sum": {TOTAL: str(sum(numbers(rows, TOTAL)))},
        "max": {"priority": max((row["priority"] for row in rows), default=None)},
    }
    for text in ("true", "TRUE", ""):  # `_count` alone
        assert seen(payload, count=text) == b'{"count":%d}' % len(whole(payload))
    assert seen(payload, count="true", format="ndjson") == b'{"count":%d}\n' % len(whole(payload))


SHOWN = jobs(
    [
        {"show": "harbor", "job_stats": {"total_frames": 5}, "min_cores": 0.1},
        {"show": "demo", "job_stats": {"total_frames": 100}},
        {"show": "harbor", "job_stats": {"total_frames": 7}, "min_cores": 0.2},
        {"show": "harbor"},
    ]
)


def test_rows_are_counted_by_a_field() -> None:
    for sort in ("-count", "count:desc", "count desc"):
        found = seen(SHOWN, count="show", sort=sort)
        assert found == seen(SHOWN, group="show", count="true", sort="-count")
        assert found.index(b"harbor") < found.index(b"demo")


def test_what_groups_look_like() -> None:
    asked = {"group": "show", "count": "true", "sum": TOTAL}
    assert seen(SHOWN, **asked) == (
        b'{"groups":['
        b'{"show":"demo","count":1,"sum":{"jobStats.totalFrames":"100"}},'
        b'{"show":"harbor","count":3,"sum":{"jobStats.totalFrames":"12"}}]}'
    )
    assert seen(SHOWN, **asked, format="ndjson").splitlines() == [
        b'{"show":"demo","count":1,"sum":{"jobStats.totalFrames":"100"}}',
        b'{"show":"harbor","count":3,"sum":{"jobStats.totalFrames":"12"}}',
    ]
    assert seen(SHOWN, **asked, format="csv", min="minCores").decode().splitlines() == [
        '"show","count","sum(jobStats.totalFrames)","min(minCores)"',
        '"demo",1,100,0',
        '"harbor",3,12,0',
    ]
    assert grouped(SHOWN, group="show") == [{"show": "demo"}, {"show": "harbor"}]
    assert seen(b"", group="show", count="true") == b'{"groups":[]}'
    assert seen(b"", group="show", count="true", format="ndjson") == b""
    assert seen(b"", group="show", count="true", format="csv") == b'"show","count"\r\n'
    assert (
        seen(b"", count="true", format="csv", min="priority")
        == b'"count","min(priority)"\r\n0,\r\n'
    )


def test_floats_are_added_as_they_are_shown() -> None:
    """0.1 of 32 bits is another number than the double."""
    assert orjson.loads(seen(SHOWN, sum="minCores")) == {"sum": {"minCores": 0.1 + 0.2}}
    assert grouped(SHOWN, group="minCores") == [
        {"minCores": 0},
        {"minCores": 0.1},
        {"minCores": 0.2},
    ]
    negative = jobs([{"min_cores": -0.0, "max_cores": 1.0}])
    assert seen(negative, group="minCores", sum="minCores") == (
        b'{"groups":[{"minCores":-0,"sum":{"minCores":0}}]}'
    )
    assert (
        seen(negative, group="minCores", sum="maxCores", format="csv")
        == b'"minCores","sum(maxCores)"\r\n-0,1\r\n'
    )


def test_a_sum_may_have_more_than_64_bits() -> None:
    values = [{"show": f"s{n % 2}", "job_stats": {"max_rss": 2**63 - 1 - n % 2}} for n in range(8)]
    path = "jobStats.maxRss"
    found = grouped(jobs(values), group="show", sum=path, sort=f"-sum({path})")
    assert [(each["show"], each["sum"][path]) for each in found] == [
        ("s0", str(4 * (2**63 - 1))),
        ("s1", str(4 * (2**63 - 2))),
    ]


@given(JOBS, st.integers(0, 4), st.integers(0, 4), st.randoms())
def test_sort_offset_and_limit_are_about_groups(
    payload: bytes, offset: int, limit: int, chance: Any
) -> None:
    """Equal groups are in the order of their fields, in whatever order Cuebot has the rows."""
    asked = {"group": "show,state", "count": "true", "sum": TOTAL, "max": "priority"}
    every = grouped(payload, **asked)
    assert [(each["show"], number_of(each["state"])) for each in every] == sorted(
        (each["show"], number_of(each["state"])) for each in every
    )
    sort = "-count,sum(job_stats.total_frames),-max(priority),-show"
    every.sort(
        key=lambda each: (
            -each["count"],
            int(each["sum"][TOTAL]),
            -each["max"]["priority"],
            [-ord(letter) for letter in each["show"].ljust(9, "\0")],
            number_of(each["state"]),
        )
    )
    rows = list(message_class("job.JobGetJobsResponse").FromString(payload).jobs.jobs)
    chance.shuffle(rows)
    other = message_class("job.JobGetJobsResponse")(jobs={"jobs": rows}).SerializeToString()
    assert grouped(other, **asked, sort=sort) == every
    page = grouped(other, **asked, sort=sort, offset=offset, limit=limit)
    assert page == every[offset : offset + limit]


def number_of(state: Any) -> int:
    states = message_class("job.Job").DESCRIPTOR.fields_by_name["state"].enum_type.values_by_name
    found: int = states[state].number
    return found


def test_csv_of_groups_reads_back() -> None:
    text = seen(
        jobs([{"show": '=1+"1"'}, {"show": "a", "is_paused": True}]),
        group="show,isPaused",
        format="csv",
    )
    assert list(csv.reader(io.StringIO(text.decode(), newline=""))) == [
        ["show", "isPaused"],
        ['\'=1+"1"', "false"],
        ["a", "true"],
    ]


@pytest.mark.parametrize("format_", ["json", "ndjson", "csv"])
@pytest.mark.parametrize(
    "asked",
    [
        {"count": "true"},
        {"group": "user", "count": "true", "sum": "priority"},
        {"group": "name", "count": "true", "where": "priority>3"},
        {"group": "name", "sort": "-sum(priority)", "sum": "priority"},
        {"group": "name", "sort": "-sum(priority)", "sum": "priority", "limit": "5"},
        {"group": "name", "offset": "1500"},
    ],
    ids=str,
)
def test_no_step_takes_more_rows_or_groups_than_its_time_allows(
    asked: dict[str, str], format_: str
) -> None:
    payload = jobs(
        [{"name": f"j{n * 7919 % 2000}", "user": "x", "priority": n % 7} for n in range(2000)]
    )
    viewed = shown(payload, step_of(LOOKS), **asked, format=format_)
    assert isinstance(viewed, Viewed)
    found, before = [], 0
    for piece in viewed:
        assert viewed.progress.looked_at - before <= LOOKS
        before = viewed.progress.looked_at
        assert piece.count(b'"j') <= LOOKS + 1
        found.append(piece)
    assert len(found) > 2000 / LOOKS
    assert b"".join(found) == seen(payload, **asked, format=format_)


def test_groups_are_sorted_in_steps() -> None:
    """Each group is looked at again to be sorted, and again to be written."""
    count = 4 * ROWS_PER_SORT
    payload = jobs([{"name": f"j{n}"} for n in range(count)])
    pieces = list(shown(payload, step_of(LOOKS), group="name"))
    assert len(pieces) >= 3 * count / LOOKS


def test_groups_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(groups, "MOST_GROUPS", 3)
    few = jobs([{"name": f"n{n % 3}"} for n in range(9)])
    assert len(grouped(few, group="name")) == 3
    for asked in ({}, {"limit": "1"}):
        with pytest.raises(GatewayError, match="_group: there are more than 3 groups") as refused:
            seen(few + jobs([{"name": "n3"}]), group="name", **asked)
        assert refused.value.code is Code.INVALID_ARGUMENT
    monkeypatch.setattr(groups, "MOST_GROUP_CHARS", 6)
    assert len(grouped(few, group="name")) == 3
    with pytest.raises(GatewayError, match="longer than 6 characters"):
        seen(jobs([{"name": "n0"}, {"name": "other"}]), group="name")


def test_numbers_that_are_none_are_one_group() -> None:
    payload = jobs([{"min_cores": math.nan}, {"min_cores": 1.0}, {"min_cores": math.nan}])
    found = grouped(payload, group="minCores", count="true", max="minCores")
    assert [(each["minCores"], each["count"], each["max"]["minCores"]) for each in found] == [
        (1, 1, 1),
        ("NaN", 2, None),
    ]


def test_entries_of_maps_have_groups() -> None:
    """A key that a row does not have is null."""
    forest = FOREIGN.message_class("trial.Forest")()
    forest.trees.add(name="oak").named["a"].name = "leaf"
    forest.trees.add(name="elm")
    view = make_view(forest.DESCRIPTOR, {"_group": "named.a.name", "_count": "true"})
    pieces = compile_view(view, FOREIGN.encoders)(forest.SerializeToString())
    assert orjson.loads(b"".join(pieces)) == {
        "groups": [{"named.a.name": "leaf", "count": 1}, {"named.a.name": None, "count": 1}]
    }


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"group": "shw"}, "_group: job.Job has no field 'shw'; did you mean show?"),
        ({"group": "jobStats"}, "_group: jobStats is not a single value"),
        ({"group": ""}, "_group: expected names of fields"),
        ({"group": ",".join(f"{n}" for n in range(9))}, "_group: more than 8 fields"),
        ({"sum": "name"}, "_sum: name is no number"),
        ({"min": "state"}, "_min: state is no number"),
        ({"max": "isPaused"}, "_max: isPaused is no number"),
        ({"sum": ",".join(f"{n}" for n in range(17))}, "_sum: more than 16 fields"),
        ({"count": "usr"}, "_count: job.Job has no field 'usr'; did you mean user?"),
        ({"count": "1"}, "_count: expected true, false or a field, got '1'"),
        ({"count": "Yes"}, "_count: expected true, false or a field, got 'Yes'"),
        ({"count": "user", "group": "show"}, "_count: expected true or false beside _group"),
        ({"count": "true", "limit": "3"}, "_limit: without _group, one answer is about all rows"),
        ({"count": "true", "offset": "3"}, "_offset: without _group"),
        ({"count": "true", "sort": "name"}, "_sort: without _group"),
        ({"group": "show", "fields": "show"}, "_fields: groups have no other fields than those"),
        ({"count": "true", "fields": "show"}, "_fields: groups have no other fields than those"),
        ({"group": "show", "sort": "name"}, "_sort: groups have no 'name'; they have show"),
        ({"group": "show", "sort": "-count"}, "_sort: groups have no 'count'; "),
        (
            {"group": "show", "sum": TOTAL, "sort": "-sum(jobStats.totalFrame)"},
            "_sort: groups have no 'sum(jobStats.totalFrame)'; did you mean sum(jobStats.totalFram",
        ),
        ({"group": "show", "limit": "x"}, "_limit: expected a number of"),
        ({"group": "show", "format": "xml"}, "_format: expected json"),
    ],
)
def test_what_is_wrong_is_said(asked: dict[str, str], words: str) -> None:
    assert words in refusal(**asked)


def test_a_field_may_have_the_name_of_an_aggregate() -> None:
    """Only one of them can be in an answer."""
    file = FileDescriptorProto(name="counts.proto", package="counts", syntax="proto3")
    row = file.message_type.add(name="Row")
    row.field.add(name="count", number=1, type="TYPE_INT64", label="LABEL_OPTIONAL")
    file.message_type.add(name="Answer").field.add(
        name="rows", number=1, type="TYPE_MESSAGE", label="LABEL_REPEATED", type_name=".counts.Row"
    )
    schema = SchemaOfTests([file])
    message = schema.message_class("counts.Answer")(rows=[{"count": 7}, {"count": 7}])

    def answer(**asked: str) -> bytes:
        view = make_view(message.DESCRIPTOR, {f"_{name}": text for name, text in asked.items()})
        return b"".join(compile_view(view, schema.encoders)(message.SerializeToString()))

    assert answer(group="count", sum="count") == (
        b'{"groups":[{"count":"7","sum":{"count":"14"}}]}'
    )
    with pytest.raises(GatewayError, match="_group: count and _count would have one name"):
        answer(group="count", count="true")


def test_counting_nothing_shows_rows() -> None:
    assert seen(SHOWN, count="false") == seen(SHOWN, count="False") == seen(SHOWN)
    assert grouped(SHOWN, group="show", count="false") == [{"show": "demo"}, {"show": "harbor"}]
