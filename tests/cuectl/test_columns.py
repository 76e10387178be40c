"""Values of columns, tables and CSV, as people and programs read them."""

import pytest

from cuectl.columns import Column, age, cell_of, chosen, counted_by, duration, in_order, shown, size
from cuectl.lists import Shown, csv_lines, table_lines


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
        (0.534, "share", "53%"),
        (["a", "b"], "", "a,b"),
        ([{"a": 1}], "", '[{"a":1}]'),
        ("0012", "", "0012"),
        ("a\x1b[2J", "", "a\\u001b[2J"),
        ("a\u202eb", "", "a\\u202eb"),
    ],
)
def test_values(value: object, unit: str, text: str) -> None:
    assert shown(value, unit) == text


COLUMNS = [
    Column("NAME", "name"),
    Column("DEAD", "stats.dead", alert=True),
    Column("DONE", "done", of="all"),
    Column("STATE", "state"),
]
ROWS = [
    {"name": "a-rather-long-name", "stats": {"dead": 2}, "done": 3, "all": 10, "state": "DEAD"},
    {"name": "b", "stats": {"dead": 0}, "done": 10, "all": 10, "state": "OK"},
]


def lines(width: int | None = None, *, colored: bool = False, headers: bool = True) -> list[str]:
    return table_lines(ROWS, COLUMNS, Shown(headers=headers), width=width, colored=colored)


def test_a_table() -> None:
    assert lines() == [
        "NAME                DEAD   DONE  STATE",
        "a-rather-long-name     2   3/10  DEAD",
        "b                      0  10/10  OK",
    ]
    assert lines(headers=False)[1].split() == ["b", "0", "10/10", "OK"]


def test_a_narrow_table_shortens_texts() -> None:
    """Numbers are never shortened: they would be others."""
    assert lines(width=30)[1] == "a-rather-long-na…     2   3/10"
    assert max(map(len, lines(width=30))) <= 30
    assert lines(width=15) == ["NAME       DEAD", "a-rather…     2", "b             0"]


def test_colors() -> None:
    _, first, second = lines(colored=True)
    assert "\x1b[31m   2\x1b[0m" in first
    assert "\x1b[31mDEAD \x1b[0m" in first
    assert "\x1b" not in second


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", '"\'=1+1"'),
        ("-5", '"\'-5"'),
        (-5, "-5"),
        ("12345678901234567", "12345678901234567"),
        ('x"y', '"x""y"'),
        (None, ""),
        (True, "true"),
        ([1], '"[1]"'),
    ],
)
def test_what_a_spreadsheet_would_run_is_a_text(value: object, cell: str) -> None:
    assert [*csv_lines([{"a": value}], [Column("A", "a")], Shown())] == ['"a"', cell]


@pytest.mark.parametrize(
    ("value", "unit", "cell"),
    [
        (1_700_000_000, "time", "2023-11-14T22:13:20Z"),
        (0, "time", ""),
        ("2048", "kB", "2097152"),
        ("3", "MB", "3145728"),
        (90, "seconds", "90"),
        (None, "kB", ""),
    ],
)
def test_csv_is_for_spreadsheets(value: object, unit: str, cell: str) -> None:
    """A part of something has a column, and so has the whole, in the same unit."""
    column = Column("A", "a", unit=unit, of="b")
    rows = [{"a": value, "b": value}]
    assert [*csv_lines(rows, [column], Shown())] == ['"a","b"', f"{cell},{cell}"]
    raw = [*csv_lines(rows, [column], Shown(raw=True, headers=False))]
    assert raw == [f"{value},{value}" if value is not None else ","]


@pytest.mark.parametrize(
    ("names", "upwards", "order"),
    [
        (["n"], None, "bca"),  # numbers go down
        (["n"], True, "acb"),
        (["name"], None, "abc"),  # texts go up
        (["name"], False, "cba"),
        (["-name"], None, "cba"),
        (["x"], None, "bca"),  # what is not set comes last
        (["big"], None, "acb"),  # 64 bits are texts in JSON
        (["same", "-name"], None, "cba"),
    ],
)
def test_order(names: list[str], upwards: bool | None, order: str) -> None:
    rows = [
        {"name": "a", "n": 1, "x": None, "big": "100", "same": 0},
        {"name": "b", "n": 3, "x": "k", "big": "9", "same": 0},
        {"name": "c", "n": 1.5, "x": "l", "big": "20", "same": 0},
    ]
    columns = [Column(each.upper(), each) for each in ("name", "n", "x", "big", "same")]
    found = in_order(rows, columns, names, upwards=upwards)
    assert "".join(str(row["name"]) for row in found) == order


def test_groups() -> None:
    rows: list[dict[str, object]] = [
        {"u": "lena", "n": "2"},
        {"u": "marco", "n": "5"},
        {"u": "lena", "n": 1},
        {"u": "lena"},
    ]
    groups, sums = chosen([Column("USER", "u")], ["user"]), chosen([Column("N", "n")], ["n"])
    found, columns = counted_by(rows, groups, sums)
    assert [[each.value(row) for each in columns] for row in found] == [
        ["lena", 3, 3],
        ["marco", 1, 5],
    ]
    assert [each.title for each in columns] == ["USER", "COUNT", "N"]
    assert counted_by([], [], sums)[0] == []


def test_columns_go_by_headings_other_names_and_fields() -> None:
    columns = [Column("FREE MEM", "s.freeMemory", of="s.all", unit="kB", also=("free",))]
    for name in ("free mem", "FREE-MEM", "free_mem", "free", "s.freeMemory", "freememory"):
        (found,) = chosen(columns, [name])
        assert (found.path, found.heading) == ("s.freeMemory", name)
    (whole,) = chosen(columns, ["all"])
    assert (whole.path, whole.unit) == ("s.all", "kB")
    (other,) = chosen(columns, ["uid"])
    assert cell_of({"uid": 7}, other).text == "7"
