"""Headings of columns in conditions."""

import pytest

from cuectl.headings import with_fields

VERB = {
    "columns": [
        {"path": "stats.dead", "title": "DEAD"},
        {"path": "stats.avg", "title": "AVG FRAME"},
        {"path": "paused", "title": "PAUSED"},
        {"path": "resource", "title": "HOST", "before": "/"},
    ],
    "wide": [{"path": "other", "title": "SHOW"}],
}


@pytest.mark.parametrize(
    ("written", "asked"),
    [
        ("dead>2", "stats.dead>2"),
        (
            "DEAD >= 2 and (Dead<9 or dead in (1,2))",
            "stats.dead >= 2 and (stats.dead<9 or stats.dead in (1,2))",
        ),
        ("avg frame>1m", "stats.avg>1m"),
        ("not PAUSED and PAUSED or paused", "not paused and paused or paused"),
        ("name=dead or name:'dead' or 'dead'=dead", "name=dead or name:'dead' or 'dead'=dead"),
        (r"name='a\' or dead>1' and dead=1", r"name='a\' or dead>1' and stats.dead=1"),
        ("name in (dead, show) and dead=1", "name in (dead, show) and stats.dead=1"),
        ("show=a and SHOW=b", "show=a and other=b"),
        ("HOST=a", "HOST=a"),
        ("other dead>1", "other dead>1"),
        ("stats.dead>1 and and", "stats.dead>1 and and"),
        ("", ""),
    ],
)
def test_a_heading_stands_for_its_field_on_the_left(written: str, asked: str) -> None:
    """Rows have a field `show` of their own."""
    assert with_fields(written, VERB, lambda name: name == "show") == asked
