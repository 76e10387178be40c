"""Headings of columns in conditions."""

import pytest

from cuectl.columns import Column
from cuectl.conditions import with_fields
from gateway_client.errors import InvalidCall

COLUMNS = [
    Column("DEAD", "stats.dead", also=("failed",)),
    Column("FREE MEM", "stats.free"),
    Column("PAUSED", "paused"),
    Column("SHOW", "showName"),
    Column("SIZE", "size", per=100),
]


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("dead>2", "stats.dead>2"),
        (
            "DEAD >= 2 and (Failed<9 or dead in (1,2))",
            "stats.dead >= 2 and (stats.dead<9 or stats.dead in (1,2))",
        ),
        ("free-mem>4GB", "stats.free>4GB"),
        ("not PAUSED and paused", "not paused and paused"),
        ("name=dead or name:'dead' or 'dead'=dead", "name=dead or name:'dead' or 'dead'=dead"),
        (r"name='a\' or dead>1' and dead=1", r"name='a\' or dead>1' and stats.dead=1"),
        ("name in (dead, show) and dead=1", "name in (dead, show) and stats.dead=1"),
        ("size>1.5 and dead>1", "size>150 and stats.dead>1"),
        ("size in (1, 2)", "size in (100, 200)"),
        ("other dead>1", "other stats.dead>1"),
        ("", ""),
    ],
)
def test_a_heading_stands_for_its_field_on_the_left(written: str, asked: str) -> None:
    assert with_fields(written, COLUMNS) == asked


def test_what_the_shell_leaves_of_a_condition_is_told() -> None:
    with pytest.raises(InvalidCall, match="quote the condition"):
        with_fields("2", COLUMNS)
