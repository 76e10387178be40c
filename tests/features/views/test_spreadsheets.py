"""CSV has times as ISO 8601 and sizes in bytes; with `_raw`, Cuebot's numbers."""

import csv
import io

import pytest

from gateway.core.schema.method import Method
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from gateway.features.views.compiled_view import AnswerViews
from gateway.features.views.spreadsheets import for_spreadsheets
from gateway.features.views.units import Unit
from tests.features.views.answers import PLAIN, filled, jobs, refusal, seen

CATALOG = build_catalog(PLAIN.schema, Selection(), load_profile("opencue"))
GET_FRAMES = CATALOG.routes["/job.JobInterface/GetFrames"]
GET_JOBS = CATALOG.routes["/job.JobInterface/GetJobs"]
BEGAN = 1_700_000_000
FRAMES = filled(
    "job.JobGetFramesResponse",
    frames={
        "frames": [
            {"name": "1-a", "start_time": BEGAN, "max_rss": 2048, "total_core_time": 90},
            {"name": "2-a"},
        ]
    },
)


def table(payload: bytes, method: Method = GET_FRAMES, /, **asked: str) -> list[list[str]]:
    """The cells of the CSV that a client gets."""
    view = AnswerViews.of(method).compiled(
        (*((f"_{name}", text) for name, text in asked.items()),), b"text/csv"
    )
    assert view is not None
    text = b"".join(view.encode(payload)).decode()
    return [*csv.reader(io.StringIO(text, newline=""))]


@pytest.mark.parametrize(
    ("unit", "number", "shown"),
    [
        ("time", BEGAN, "2023-11-14T22:13:20Z"),
        ("time", BEGAN + 0.9, "2023-11-14T22:13:20Z"),
        ("time", 0, None),
        ("time", -1, -1),
        ("time", 2**62, 2**62),
        ("time", 253_402_300_799, "9999-12-31T23:59:59Z"),
        ("kB", 3, 3072),
        ("kB", -3, -3072),
        ("MB", 2, 2 * 2**20),
    ],
)
def test_numbers_for_spreadsheets(unit: Unit, number: float, shown: object) -> None:
    convert = for_spreadsheets(unit)
    assert convert is not None
    assert convert(number) == shown


@pytest.mark.parametrize("unit", ["bytes", "seconds", None])
def test_numbers_that_spreadsheets_take_as_they_are(unit: Unit | None) -> None:
    assert for_spreadsheets(unit) is None


def test_rows() -> None:
    """A time that has not come is empty, and a duration is in seconds."""
    assert table(FRAMES, fields="name,startTime,maxRss,totalCoreTime") == [
        ["name", "startTime", "maxRss", "totalCoreTime"],
        ["1-a", "2023-11-14T22:13:20Z", str(2048 * 1024), "90"],
        ["2-a", "", "0", "0"],
    ]


@pytest.mark.parametrize("raw", ["", "true", "TRUE"])
def test_raw_has_cuebots_numbers(raw: str) -> None:
    rows = table(FRAMES, fields="startTime,maxRss", raw=raw)
    assert rows[1:] == [[str(BEGAN), "2048"], ["0", "0"]]


def test_raw_may_be_false() -> None:
    assert table(FRAMES, fields="startTime", raw="false")[1] == ["2023-11-14T22:13:20Z"]
    assert refusal(GET_FRAMES, raw="1") == "_raw: expected true or false, got '1'"


def test_json_has_cuebots_numbers() -> None:
    json = seen(FRAMES, GET_FRAMES, fields="startTime,maxRss", limit=1)
    assert json == b'{"frames":{"frames":[{"startTime":1700000000,"maxRss":"2048"}]}}'


def test_groups() -> None:
    """Largest, smallest and grouped times are times; their sum is a number."""
    rows = table(
        FRAMES, group="startTime", sum="maxRss,startTime", max="startTime", sort="startTime"
    )
    assert rows == [
        ["startTime", "sum(maxRss)", "sum(startTime)", "max(startTime)"],
        ["", "0", "0", ""],
        ["2023-11-14T22:13:20Z", str(2048 * 1024), str(BEGAN), "2023-11-14T22:13:20Z"],
    ]


def test_raw_groups() -> None:
    assert table(FRAMES, sum="maxRss", max="startTime", raw="true")[1] == ["2048", str(BEGAN)]


@pytest.mark.parametrize(
    ("asked", "headings"),
    [
        ({"fields": "name,deadFrames"}, ["name", "deadFrames"]),
        ({"fields": "jobStats.deadFrames,max_cores"}, ["jobStats.deadFrames", "max_cores"]),
        ({"fields": "owner,Paused"}, ["owner", "Paused"]),
        ({"group": "owner", "sum": "deadFrames"}, ["owner", "sum(deadFrames)"]),
        ({"group": "user", "count": "true"}, ["user", "count"]),
    ],
    ids=lambda each: str(each)[:30],
)
def test_headings_are_as_they_were_written(asked: dict[str, str], headings: list[str]) -> None:
    assert table(jobs([{"name": "a"}]), GET_JOBS, **asked)[0] == headings
