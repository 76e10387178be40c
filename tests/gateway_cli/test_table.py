"""Answers as tables."""

import pytest

from gateway_cli.client.invalid import InvalidCall
from gateway_cli.terminal.table import table

JOBS = {
    "jobs": {
        "jobs": [
            {"name": "sh010", "priority": 100, "jobStats": {"runningFrames": 7}, "comment": ""},
            {"name": "sh020-long", "priority": 9, "jobStats": None, "comment": "wait"},
        ]
    }
}


def test_a_table_has_the_fields_in_the_order_asked_for() -> None:
    """A header, numbers to the right, strings to the left, `-` for what is not set."""
    assert table(JOBS, ["priority", "name", "jobStats.runningFrames", "comment"]) == [
        "priority  name        runningFrames  comment",
        "     100  sh010                   7  -",
        "       9  sh020-long              -  wait",
    ]


def test_headings_are_the_last_parts_of_paths() -> None:
    """Where two would be the same, both are whole; either naming finds the field."""
    row = {"name": "x", "a": {"minCores": 1}, "b": {"minCores": 2}, "c": {"maxCores": 3}}
    fields = ["a.minCores", "b.minCores", "c.max_cores", "name"]
    assert table({"rows": [row]}, fields, checked=True) == [
        "a.minCores  b.minCores  max_cores  name",
        "         1           2          3  x",
    ]


def test_without_fields_a_table_has_all() -> None:
    """Those of any row, beginning with the name."""
    answer = {"rows": [{"id": 1, "name": "x", "a": {"b": 2}}, {"id": 2, "name": "y", "c": 3}]}
    assert table(answer) == ["name  id  b  c", "x      1  2  -", "y      2  -  3"]
    assert table({"rows": []}) == []


def test_an_answer_of_one_field_is_not_looked_through_for_it() -> None:
    """What a view has left of an answer keeps its shape."""
    answer = {"job": {"jobStats": {"runningFrames": 4}}}
    assert table(answer, ["jobStats.runningFrames"], checked=True) == [
        "runningFrames",
        "            4",
    ]
    assert table(answer, ["job.jobStats.runningFrames"], checked=True)[1] == "            4"


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        pytest.param({"jobs": {"jobs": []}}, ["name"], id="no rows"),
        pytest.param({"job": {"name": "a", "tags": ["x"]}}, ["name", "a"], id="a single object"),
        pytest.param({"show": {"name": "a"}}, ["name", "a"], id="an object of one field"),
        pytest.param({"name": "a"}, ["name", "a"], id="one field"),
        pytest.param({"name": "a", "notes": []}, ["name", "a"], id="an object with an empty list"),
        pytest.param(
            {"state": "PENDING", "frames": {"frames": [{"name": "b"}]}},
            ["name", "b"],
            id="a list beside others",
        ),
        pytest.param({"x": [{"name": "b", "y": [{"name": "c"}]}]}, ["name", "b"], id="lists in it"),
    ],
)
def test_the_one_list_is_found(answer: object, lines: list[str]) -> None:
    """Wrappers are looked through; an answer without a list is a table of one row."""
    assert table(answer, ["name"]) == lines


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        pytest.param({"a": [{"name": 1}], "b": {"c": [{"name": 2}]}}, "a, b.c", id="two lists"),
        pytest.param({"names": ["a", "b"]}, "--fields", id="texts"),
    ],
)
def test_what_is_no_table_is_refused(answer: object, word: str) -> None:
    """Several lists are named in the error; a list of strings is refused, too."""
    with pytest.raises(InvalidCall, match=word):
        table(answer, ["name"])


@pytest.mark.parametrize(
    ("field", "near"),
    [
        ("nane", "name"),
        ("runningFrames", "jobStats.runningFrames"),
        ("jobStats.runing", "jobStats.runningFrames"),
        ("jobStats.", "jobStats.runningFrames"),
        ("jobs.name", "name"),
    ],
)
def test_a_wrong_field_is_answered_with_those_there_are(field: str, near: str) -> None:
    """The error has the nearest name and all names."""
    with pytest.raises(InvalidCall) as caught:
        table(JOBS, ["name", field])
    assert f"no field {field!r}" in str(caught.value)
    assert f"did you mean {near}?" in str(caught.value)
    assert "(there are: name, priority, jobStats.runningFrames, comment)" in str(caught.value)


def test_a_value_has_no_fields() -> None:
    """Fields of nested messages are named after a dot."""
    with pytest.raises(InvalidCall, match=r"'name\.first'"):
        table(JOBS, ["name.first"])


def test_fields_of_a_message_that_no_row_has_set_may_be_right() -> None:
    """An unset message may have any field."""
    assert table({"jobs": [{"jobStats": None}]}, ["jobStats.any"]) == [
        "any",
        "  -",
    ]


def test_a_field_that_only_some_rows_have_is_right() -> None:
    """Members of a oneof may be missing in some rows."""
    answer = {"jobs": [{"name": "a"}, {"name": "b", "uid": 7}]}
    assert table(answer, ["name", "uid"]) == ["name  uid", "a       -", "b       7"]


def test_a_value_cannot_steer_the_terminal() -> None:
    """Line ends and control characters are escaped as in JSON."""
    (_, line) = table({"name": "a\n\x1b[2J\x9bm\u202eb\ud800"}, ["name"])
    assert line == "a\\u000a\\u001b[2J\\u009bm\\u202eb\\ud800"


def test_a_heading_cannot_either() -> None:
    """The keys of a map are anybody's."""
    (head, _) = table({"rows": [{"envs": {"a\x9b\u2028": "b"}}]})
    assert head == "a\\u009b\\u2028"


def test_other_values_are_json() -> None:
    """Lists, messages and booleans are printed on one line."""
    answer = {"rows": [{"tags": ["a", "b"], "stats": {"x": 1}, "on": True, "size": "4096"}]}
    assert table(answer, ["tags", "stats", "on", "size"])[1] == '["a","b"]  {"x":1}  true  4096'
