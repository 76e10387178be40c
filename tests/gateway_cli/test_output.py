"""What `call` prints, in a pipe and on a terminal."""

import json
import os
import re
from io import BytesIO, StringIO
from typing import Any
from unicodedata import bidirectional, category

import pytest

from gateway.errors import Code, GatewayError
from gateway_cli.client.client import Answer
from gateway_cli.client.output_options import Form
from gateway_cli.terminal.output import Output
from gateway_cli.terminal.text import (
    coloured,
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
        self.output = Output(out=self._out, err=self._err, **options)

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


def test_in_a_pipe_an_answer_is_one_line() -> None:
    """Answers are printed as they came, so that many of them are JSON lines."""
    written = Written()
    written.output.answer(Answer(content=ANSWER))
    written.output.answer(Answer(content=b"{}"))
    assert written.out == f"{ANSWER.decode()}\n{{}}\n"


def test_indented_json_is_the_same_json() -> None:
    """It is spread over several lines."""
    written = Written(indent=True)
    written.output.answer(Answer(content=ANSWER))
    assert written.out.startswith('{\n  "jobs": [\n')
    assert json.loads(written.out) == json.loads(ANSWER)


def test_tables_in_a_pipe_have_an_empty_line_between_them() -> None:
    """There is none before the first."""
    written = Written(form="table", fields=["name"])
    for _ in range(2):
        written.output.answer(Answer(content=b'{"a":[{"name":"x"}]}'))
    assert written.out == "name\nx\n\nname\nx\n"


def test_colours_only_colour() -> None:
    """Without colours the text is unchanged; keys, strings, numbers and words differ."""
    text = json.dumps(json.loads(ANSWER), indent=2)
    shown = coloured(text)
    assert re.sub(r"\x1b\[\d+m", "", shown) == text
    assert '\x1b[34m"name"\x1b[0m: \x1b[32m"a \\"b\\": 1"\x1b[0m' in shown
    assert "\x1b[36m-1.5\x1b[0m" in shown
    assert "\x1b[33mnull\x1b[0m" in shown


def test_json_on_a_terminal_is_harmless_json() -> None:
    """Control characters are escaped, and the JSON means the same."""
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
    """Lines keep their ends and tabs; nothing else is left that could steer a terminal."""
    assert len(HARMFUL) == 65 + 2 + 12
    assert printable(HARMFUL).isprintable()
    assert printable_lines(HARMFUL).replace("\n", "").replace("\t", "").isprintable()


def test_wrong_usage_quotes_nothing_that_steers_the_terminal() -> None:
    """As an error that says what a server has said might."""
    ran = in_process("call", "Job/GetJobs", "\x9b2J\u202e..=1")
    assert ran.status
    assert ran.err.replace("\n", "").isprintable()


def test_a_long_answer_is_cut_to_the_screen() -> None:
    """The last line says how many lines are left out."""
    written = Written(terminal=True, form="table", fields=["n"])
    rows = json.dumps({"rows": [{"n": number} for number in range(9)]}).encode()
    written.output.answer(Answer(content=rows), space=screen(80, 4))
    assert written.out == "n\n0\n1\n… 7 more lines\n"


@pytest.mark.parametrize(
    ("form", "shown"),
    [("table", "a     …\nlong t…\n"), ("json", '{\n  "a":…\n  "b":…\n}\n')],
)
def test_a_wide_answer_is_cut_to_the_screen(form: Form, shown: str) -> None:
    """Lines are cut that the terminal would wrap."""
    written = Written(terminal=True, indent=True, form=form)
    answer = Answer(content=b'{"a":"long text","b":"more"}')
    written.output.answer(answer, space=screen(7, 9))
    assert written.out == shown


def test_a_warning_has_room_on_the_screen() -> None:
    """There is space for a wrapped warning, which is repeated on each new screen."""
    written = Written(err=TerminalErr(), terminal=True, form="table", fields=["n"])
    rows = json.dumps({"rows": [{"n": number} for number in range(9)]}).encode()
    for _ in range(2):
        written.output.start_over("title")
        written.output.answer(Answer(content=rows, ignored=("r.a",)), space=screen(30, 5))
    page = "\x1b[H\x1b[2Jtitle\n\nn\n0\n… 8 more lines\n"
    assert written.out == page * 2
    assert written.err == "cuebot-gateway: warning: fields ignored: r.a\n" * 2


def test_a_warning_in_a_file_is_not_repeated() -> None:
    """A file is not cleared with the screen."""
    written = Written(terminal=True)
    for _ in range(2):
        written.output.start_over("title")
        written.output.answer(Answer(content=b"{}", ignored=("r.a",)))
    assert written.err == "cuebot-gateway: warning: fields ignored: r.a\n"


def test_a_failure_is_one_line() -> None:
    """Lines that repeat others are dropped, and details are added."""
    written = Written()
    message = "java.Class: no such\nno such\n\x1b[2Jmore"
    written.output.failure(GatewayError(Code.INTERNAL, message, details=[{"a": 1}]))
    assert written.err == (
        'cuebot-gateway: INTERNAL: java.Class: no such; \\u001b[2Jmore [{"a":1}]\n'
    )
    assert written.out == ""


@pytest.mark.parametrize("text", ["", " \n "])
def test_an_empty_message_is_none(text: str) -> None:
    """An empty message stays empty."""
    assert one_line(text) == ""


def test_ignored_fields_are_told_when_they_change() -> None:
    """A watch repeats no warning."""
    written = Written()
    for ignored in [("r.a",), ("r.a",), ("r.b", "c")]:
        written.output.answer(Answer(content=b"{}", ignored=ignored))
    assert written.err.splitlines() == [
        "cuebot-gateway: warning: fields ignored: r.a",
        "cuebot-gateway: warning: fields ignored: r.b, c",
    ]


def test_rows_are_printed_as_they_are() -> None:
    """NDJSON and CSV go into files and pipes unchanged, and no rows are no line at all."""
    for form, content in (("ndjson", b'{"a":1}\n{"a":2}\n'), ("csv", b"a\r\n\x1b[2J\r\n")):
        written = Written(form=form)
        written.output.answer(Answer(content=content))
        assert written.out == content.decode()
    for form in ("ndjson", "name"):
        written = Written(form=form)
        written.output.answer(Answer(content=b""))
        assert written.out == ""


def test_rows_cannot_steer_the_terminal() -> None:
    """There, control characters in CSV and in names are escaped."""
    written = Written(form="csv", terminal=True)
    written.output.answer(Answer(content=b"a,b\r\n\x1b[2J,x\r\n"))
    assert written.out == "a,b\n\\u001b[2J,x\n"
    written = Written(form="name", terminal=True)
    written.output.answer(Answer(content=b'{"name":"a\\n\\u001b"}\n{"name":""}\n{"name":"b"}\n'))
    assert written.out == "a\\u000a\\u001b\nb\n"


def test_a_table_is_cut_to_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lines do not wrap; in a pipe, all of them are there."""
    monkeypatch.setenv("COLUMNS", "9")
    answer = Answer(content=b'{"a":"long text","b":"more"}')
    for terminal, shown in (
        (True, "a       …\nlong tex…\n"),
        (False, "a          b\nlong text  more\n"),
    ):
        written = Written(form="table", terminal=terminal)
        written.output.answer(answer)
        assert written.out == shown
