"""What `call` prints, in a pipe and on a terminal."""

import json
import os
import re
from io import BytesIO, StringIO
from typing import Any
from unicodedata import bidirectional, category

import pytest

from gateway_cli.calling.output import Output
from gateway_cli.calling.table import table
from gateway_cli.calling.views import Form
from gateway_client.client import Answer
from gateway_client.errors import CallError, InvalidCall
from gateway_client.terminal.text import (
    colored,
    json_text,
    one_line,
    printable,
    printable_json,
    printable_lines,
)
from tests.support.commands import in_process

ANSWER = b'{"jobs":[{"name":"a \\"b\\": 1","cores":-1.5,"on":true,"none":null,"empty":[]}]}'


class Written:
    """An output, and what has been written to it."""

    def __init__(self, *, err: StringIO | None = None, **options: Any) -> None:
        self._out, self._err = BytesIO(), err or StringIO()
        self.output = Output(out=self._out, err=self._err, program="cuebot-gateway", **options)

    @property
    def out(self) -> str:
        return self._out.getvalue().decode()

    @property
    def err(self) -> str:
        return self._err.getvalue()


class TerminalErr(StringIO):
    """Standard error as a terminal."""

    def isatty(self) -> bool:
        return True


def screen(columns: int, lines: int) -> os.terminal_size:
    return os.terminal_size((columns, lines))


def printed(
    *contents: bytes, space: os.terminal_size | None = None, **options: Any
) -> tuple[str, str]:
    """What an output with these options writes of answers, and what it tells on standard error."""
    written = Written(**options)
    for content in contents:
        written.output.answer(Answer(content=content), space=space)
    return written.out, written.err


def test_in_a_pipe_an_answer_is_one_line() -> None:
    """Answers are printed as they came, so that many of them are JSON lines."""
    assert printed(ANSWER, b"{}") == (f"{ANSWER.decode()}\n{{}}\n", "")


def test_indented_json_is_the_same_json() -> None:
    out, _ = printed(ANSWER, indent=True)
    assert out.startswith('{\n  "jobs": [\n')
    assert json.loads(out) == json.loads(ANSWER)


def test_tables_in_a_pipe_have_an_empty_line_between_them() -> None:
    one = b'{"a":[{"name":"x"}]}'
    assert printed(one, one, form="table", fields=["name"]) == ("name\nx\n\nname\nx\n", "")


def test_colours_only_colour() -> None:
    text = json.dumps(json.loads(ANSWER), indent=2)
    shown = colored(text)
    assert re.sub(r"\x1b\[\d+m", "", shown) == text
    assert '\x1b[34m"name"\x1b[0m: \x1b[32m"a \\"b\\": 1"\x1b[0m' in shown
    assert "\x1b[36m-1.5\x1b[0m" in shown
    assert "\x1b[33mnull\x1b[0m" in shown


def test_json_on_a_terminal_is_harmless_json() -> None:
    text = json.dumps({"name": f"{HARMFUL} é"}, ensure_ascii=False)
    assert printable_json(text).isprintable()
    assert json.loads(printable_json(text)) == json.loads(text)
    assert json_text(json.loads(text), indent=False).isprintable()
    assert json.loads(json_text(json.loads(text))) == json.loads(text)


HARMFUL = "".join(
    character
    for character in map(chr, range(0x3000))
    if category(character) in ("Cc", "Zl", "Zp")
    or bidirectional(character) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    or character in "\u061c\u200e\u200f"
)
"""What moves the cursor or ends a line, by Unicode's categories, and what turns the direction."""


def test_one_rule_is_for_all_text() -> None:
    assert len(HARMFUL) == 65 + 2 + 12
    assert printable(HARMFUL).isprintable()
    assert printable_lines(HARMFUL).replace("\n", "").replace("\t", "").isprintable()


def test_wrong_usage_quotes_nothing_that_steers_the_terminal() -> None:
    ran = in_process("call", "Job/GetJobs", "\x9b2J\u202e..=1")
    assert ran.status
    assert ran.err.replace("\n", "").isprintable()


NINE_ROWS = json.dumps({"rows": [{"n": number} for number in range(9)]}).encode()
WIDE = b'{"a":"long text","b":"more"}'


@pytest.mark.parametrize(
    ("content", "form", "space", "shown"),
    [
        (NINE_ROWS, "table", screen(80, 4), "n\n0\n1\n… 7 more lines\n"),
        (WIDE, "table", screen(7, 9), "a     …\nlong t…\n"),
        (WIDE, "json", screen(7, 9), '{\n  "a":…\n  "b":…\n}\n'),
    ],
    ids=["long", "wide", "JSON"],
)
def test_an_answer_is_cut_to_the_screen(
    content: bytes, form: Form, space: os.terminal_size, shown: str
) -> None:
    """Lines are cut that the terminal would wrap."""
    assert printed(content, space=space, terminal=True, indent=True, form=form) == (shown, "")


def test_a_warning_has_room_on_the_screen() -> None:
    written = Written(err=TerminalErr(), terminal=True, form="table", fields=["n"])
    answer = Answer(content=NINE_ROWS, ignored=("r.a",))
    for _ in range(2):
        written.output.start_over("title")
        written.output.answer(answer, space=screen(30, 5))
    page = "\x1b[H\x1b[2Jtitle\n\nn\n0\n… 8 more lines\n"
    assert written.out == page * 2
    assert written.err == "cuebot-gateway: warning: fields ignored: r.a\n" * 2


def test_a_warning_in_a_file_is_not_repeated() -> None:
    written = Written(terminal=True)
    for _ in range(2):
        written.output.start_over("title")
        written.output.answer(Answer(content=b"{}", ignored=("r.a",)))
    assert written.err == "cuebot-gateway: warning: fields ignored: r.a\n"


def test_a_table_without_rows_says_so() -> None:
    """On standard error, once for each time that it becomes so; other forms say nothing."""
    empty, full = b'{"jobs":{"jobs":[]}}', b'{"jobs":{"jobs":[{"n":1}]}}'
    out, err = printed(empty, empty, full, empty, form="table", fields=["n"])
    assert out == "n\n\nn\n\nn\n1\n\nn\n"
    assert err == "cuebot-gateway: no rows\n" * 2
    assert printed(empty, form="table") == ("", "cuebot-gateway: no rows\n")
    for form in ("json", "csv", "ndjson", "name"):
        assert printed(b"", form=form) == ("", "")


def test_a_failure_is_one_line() -> None:
    written = Written()
    message = "java.Class: no such\nno such\n\x1b[2Jmore"
    written.output.failure(CallError("INTERNAL", message, details=[{"a": 1}]))
    assert written.err == (
        'cuebot-gateway: INTERNAL: java.Class: no such; \\u001b[2Jmore [{"a":1}]\n'
    )
    assert written.out == ""
    assert one_line(" \n ") == ""


def test_ignored_fields_are_told_when_they_change() -> None:
    written = Written()
    for ignored in [("r.a",), ("r.a",), ("r.b", "c")]:
        written.output.answer(Answer(content=b"{}", ignored=ignored))
    assert written.err.splitlines() == [
        "cuebot-gateway: warning: fields ignored: r.a",
        "cuebot-gateway: warning: fields ignored: r.b, c",
    ]


def test_rows_are_printed_as_they_are() -> None:
    for form, content in (("ndjson", b'{"a":1}\n{"a":2}\n'), ("csv", b"a\r\n\x1b[2J\r\n")):
        assert printed(content, form=form) == (content.decode(), "")


def test_rows_cannot_steer_the_terminal() -> None:
    rows = b"a,b\r\n\x1b[2J,x\r\n"
    assert printed(rows, form="csv", terminal=True) == ("a,b\n\\u001b[2J,x\n", "")
    names = b'{"name":"a\\n\\u001b"}\n{"name":""}\n{"name":"b"}\n'
    assert printed(names, form="name", terminal=True) == ("a\\u000a\\u001b\nb\n", "")


def test_a_table_is_cut_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "9")
    cut, whole = "a       …\nlong tex…\n", "a          b\nlong text  more\n"
    assert printed(WIDE, form="table", terminal=True) == (cut, "")
    assert printed(WIDE, form="table") == (whole, "")


JOBS = {
    "jobs": {
        "jobs": [
            {"name": "sh010", "priority": 100, "jobStats": {"runningFrames": 7}, "comment": ""},
            {"name": "sh020-long", "priority": 9, "jobStats": None, "comment": "wait"},
        ]
    }
}


def test_a_table_has_the_fields_in_the_order_asked_for() -> None:
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


def test_headings_have_units() -> None:
    """Of a row's fields, in either naming; also of a group's sums, or within the one object."""
    units = {"maxRss": "kB", "stats.avgSec": "seconds", "startTime": "time", "size": "MB"}
    row = {
        "maxRss": 1,
        "stats": {"avgSec": 2},
        "startTime": 3,
        "size": 4,
        "sum": {"stats.avgSec": 5},
    }
    fields = ["max_rss", "stats.avg_sec", "start_time", "size", "sum.stats.avgSec", "job.maxRss"]
    head, _ = table([row], fields, checked=True, units=units)
    assert re.split("  +", head) == [
        "max_rss (KB)",
        "avg_sec (s)",
        "start_time (Unix time)",
        "size (MB)",
        "avgSec (s)",
        "maxRss (KB)",
    ]


def test_without_fields_a_table_has_all() -> None:
    answer = {"rows": [{"id": 1, "name": "x", "a": {"b": 2}}, {"id": 2, "name": "y", "c": 3}]}
    assert table(answer) == ["name  id  b  c", "x      1  2  -", "y      2  -  3"]
    assert table({"rows": []}) == []


def test_an_answer_of_one_field_is_not_looked_through_for_it() -> None:
    answer = {"job": {"jobStats": {"runningFrames": 4}}}
    assert table(answer, ["jobStats.runningFrames"], checked=True)[0] == "runningFrames"
    assert table(answer, ["job.jobStats.runningFrames"], checked=True)[1] == "            4"


@pytest.mark.parametrize(
    ("answer", "lines"),
    [
        ({"jobs": {"jobs": []}}, ["name"]),
        ({"job": {"name": "a", "tags": ["x"]}}, ["name", "a"]),
        ({"show": {"name": "a"}}, ["name", "a"]),
        ({"name": "a"}, ["name", "a"]),
        ({"name": "a", "notes": []}, ["name", "a"]),
        ({"state": "PENDING", "frames": {"frames": [{"name": "b"}]}}, ["name", "b"]),
        ({"x": [{"name": "b", "y": [{"name": "c"}]}]}, ["name", "b"]),
    ],
)
def test_the_one_list_is_found(answer: object, lines: list[str]) -> None:
    assert table(answer, ["name"]) == lines


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        ({"a": [{"name": 1}], "b": {"c": [{"name": 2}]}}, "a, b.c"),
        ({"names": ["a", "b"]}, "--fields"),
    ],
)
def test_what_is_no_table_is_refused(answer: object, word: str) -> None:
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
    with pytest.raises(InvalidCall) as caught:
        table(JOBS, ["name", field])
    assert f"no field {field!r}" in str(caught.value)
    assert f"did you mean {near}?" in str(caught.value)
    assert "(there are: name, priority, jobStats.runningFrames, comment)" in str(caught.value)


def test_a_value_has_no_fields() -> None:
    with pytest.raises(InvalidCall, match=r"'name\.first'"):
        table(JOBS, ["name.first"])


def test_fields_that_rows_may_have() -> None:
    answer = {"jobs": [{"name": "a"}, {"name": "b", "uid": 7}]}
    assert table(answer, ["name", "uid"]) == ["name  uid", "a       -", "b       7"]
    assert table({"jobs": [{"jobStats": None}]}, ["jobStats.any"]) == ["any", "  -"]


def test_a_table_cannot_steer_the_terminal() -> None:
    (_, line) = table({"name": "a\n\x1b[2J\x9bm\u202eb\ud800"}, ["name"])
    assert line == "a\\u000a\\u001b[2J\\u009bm\\u202eb\\ud800"
    (head, _) = table({"rows": [{"envs": {"a\x9b\u2028": "b"}}]})
    assert head == "a\\u009b\\u2028"


def test_other_values_are_json() -> None:
    answer = {"rows": [{"tags": ["a", "b"], "stats": {"x": 1}, "on": True, "size": "4096"}]}
    assert table(answer, ["tags", "stats", "on", "size"])[1] == '["a","b"]  {"x":1}  true  4096'
