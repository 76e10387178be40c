"""Values, tables and CSV, as people and programs read them."""

import pytest

from cuectl.rows import Column, age, csv_lines, duration, rows_at, shown, size, table_lines


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0B"), (512, "512B"), (1536, "1.5K"), (2**30, "1G"), (999 * 2**20, "999M")],
)
def test_sizes(number: float, text: str) -> None:
    assert size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.6, "1m00s"), (90, "1m30s"), (660, "11m"), (3900, "1h05m"), (90000, "1d01h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_times() -> None:
    assert age(0) == "-"
    assert age(1000, now=1090) == "1m30s ago"
    assert age(1090, now=1000) == "in 1m30s"


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (None, "", "-"),
        ("", "", "-"),
        ([], "", "-"),
        (True, "", "yes"),
        (False, "time", "no"),
        (1.50, "", "1.5"),
        ("1048576", "kB", "1G"),
        (3, "MB", "3M"),
        (["a", "b"], "", "a,b"),
        ([{"a": 1}], "", '[{"a":1}]'),
        ("a\x1b[2J", "", "a\\u001b[2J"),
    ],
)
def test_values(value: object, unit: str, text: str) -> None:
    assert shown(value, unit) == text


COLUMNS: list[Column] = [
    {"path": "name", "title": "NAME"},
    {"path": "stats.dead", "title": "DEAD", "alert": True},
    {"path": "done", "title": "DONE", "of": "all"},
    {"path": "state", "title": "STATE"},
]
ROWS = [
    {"name": "a-rather-long-name", "stats": {"dead": 2}, "done": 3, "all": 10, "state": "DEAD"},
    {"name": "b", "stats": {"dead": 0}, "done": 10, "all": 10, "state": "OK"},
]


def test_a_table() -> None:
    assert table_lines(COLUMNS, ROWS, {}) == [
        "NAME                DEAD   DONE  STATE",
        "a-rather-long-name     2   3/10  DEAD",
        "b                      0  10/10  OK",
    ]
    assert table_lines(COLUMNS, ROWS, {}, headers=False)[1].split() == ["b", "0", "10/10", "OK"]
    assert table_lines(COLUMNS, [], {}, headers=False) == []


def test_a_narrow_table_shortens_texts() -> None:
    """Numbers are never shortened: they would be others."""
    lines = table_lines(COLUMNS, ROWS, {}, width=30)
    assert lines[1] == "a-rather-long-na…     2   3/10"
    assert max(map(len, lines)) <= 30
    lines = table_lines(COLUMNS, ROWS, {}, width=15)
    assert lines == ["NAME       DEAD", "a-rather…     2", "b             0"]


def test_names_are_told_apart_before_last_columns_are_shown() -> None:
    """The first column keeps half of the width; other texts become short before."""
    lines = table_lines(COLUMNS, ROWS, {}, width=36)
    assert lines[:2] == ["NAME                DEAD   DONE", "a-rather-long-name     2   3/10"]
    columns = [*COLUMNS[:1], {"path": "note"}, *COLUMNS[1:2]]
    rows = [{**ROWS[0], "note": "a-long-note-about-it"}]
    lines = table_lines(columns, rows, {}, width=38)
    assert lines[1] == "a-rather-long-name  a-long-note…     2"


def test_colors() -> None:
    _, first, second = table_lines(COLUMNS, ROWS, {"DEAD": "magenta"}, colored=True)
    assert "\x1b[31m   2\x1b[0m" in first
    assert "\x1b[35mDEAD \x1b[0m" in first
    assert "\x1b" not in second


def test_csv() -> None:
    """What a spreadsheet would run is a text."""
    rows = [{"a": "=1+1", "b": "-5", "c": None, "d": 'x"y'}]
    assert [*csv_lines(rows, [{"path": each} for each in "abcd"], headers=True)] == [
        '"a","b","c","d"',
        '"\'=1+1",-5,,"x""y"',
    ]


@pytest.mark.parametrize(
    ("value", "unit", "cell"),
    [
        (1_700_000_000, "time", "2023-11-14T22:13:20Z"),
        (0, "time", ""),
        ("2048", "kB", "2097152"),
        ("3", "MB", "3145728"),
        ("5", "bytes", "5"),
        (90, "seconds", "90"),
        (None, "kB", ""),
        ("n/a", "kB", '"n/a"'),
    ],
)
def test_csv_is_for_spreadsheets(value: object, unit: str, cell: str) -> None:
    """A part of something has a column, and so has the whole, in the same unit."""
    rows, columns = [{"a": value, "b": value}], [{"path": "a", "unit": unit, "of": "b"}]
    assert [*csv_lines(rows, columns, headers=True)] == ['"a","b"', f"{cell},{cell}"]
    raw = [*csv_lines(rows, [{"path": "a", "unit": unit}], headers=False, raw=True)]
    assert raw == ["" if value is None else '"n/a"' if value == "n/a" else str(value)]


@pytest.mark.parametrize(
    ("answer", "place", "rows"),
    [
        ({"jobs": {"jobs": [{"a": 1}]}}, "jobs.jobs", [{"a": 1}]),
        ({"jobs": None}, "jobs.jobs", []),
        ({"job": {"a": 1}}, "job", [{"a": 1}]),
        ({"a": 1}, None, [{"a": 1}]),
    ],
)
def test_where_rows_are(answer: object, place: str | None, rows: object) -> None:
    assert rows_at(answer, place) == rows
