"""Answers, warnings and failures of `call`, on a terminal or in a pipe."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TextIO

import orjson

from gateway_cli.calling.table import table
from gateway_cli.calling.views import Form
from gateway_client.client import Answer, ignored_fields
from gateway_client.errors import CallError
from gateway_client.terminal.exits import complain, text_of
from gateway_client.terminal.text import (
    ELLIPSIS,
    clip,
    colored,
    is_colored,
    printable,
    printable_json,
    printable_lines,
)

NO_ROWS = "no rows"
HOME_AND_CLEAR = "\x1b[H\x1b[2J"


@dataclass(slots=True, kw_only=True)
class Output:
    """Standard output for answers, standard error for everything else."""

    out: BinaryIO
    err: TextIO
    program: str
    """The name of the program, with which lines on standard error begin."""
    form: Form = "json"
    fields: Sequence[str] = ()
    """The columns of a table; all if empty."""
    units: Mapping[str, str] | None = None
    """The units of numbers in a table, by field; None before they have been asked for."""
    terminal: bool = False
    """Whether `out` is a terminal."""
    color: bool = False
    indent: bool = False
    shown: int = 0
    """The number of answers so far."""
    warned: tuple[str, ...] = ()
    """The last warnings, and whether there were no rows."""
    rowless: bool = False
    """Whether the last table has no rows."""

    def answer(self, answer: Answer, *, space: os.terminal_size | None = None) -> None:
        """Write the answer, cut to `space`, warnings about its request, and whether a table has no
        rows.

        Raises InvalidCall if the answer is no table of these fields.
        """
        if space is not None and self.err.isatty():
            for line in warnings(answer.ignored, answer.no_match):
                space = space_above(f"{self.program}: {line}", space)
        text = self._text(answer, space)
        if self.form == "table" and self.shown and not self.terminal:
            self.out.write(b"\n")
        self.out.write(text)
        self.out.flush()
        self.shown += 1
        self._tell(*warnings(answer.ignored, answer.no_match), *[NO_ROWS] * self.rowless)

    def failure(self, error: CallError) -> None:
        text = text_of(error)
        if error.details:
            text += f" {printable(orjson.dumps(list(error.details)).decode())}"
        self.complain(text)
        self._tell(*warnings(ignored_fields(error.headers)))

    def complain(self, text: str) -> None:
        complain(text, self.program, self.err, red=self.color)

    def progress(self, text: str) -> None:
        """On a terminal, replace the last line of progress; an empty one leaves nothing."""
        if self.err.isatty():
            self.err.write(f"\r\x1b[K{clip(printable(text), shutil.get_terminal_size().columns)}")
            self.err.flush()

    def start_over(self, title: str) -> os.terminal_size | None:
        """On a terminal, clear the screen and print a title; the space below it.

        The last warning is printed again then. In a pipe, nothing happens.
        """
        if not self.terminal:
            return None
        columns, lines = shutil.get_terminal_size()
        self.out.write(f"{HOME_AND_CLEAR}{clip(title, columns)}\n\n".encode())
        self.out.flush()
        if self.err.isatty():
            self.warned = ()
        return os.terminal_size((columns, max(lines - 3, 1)))  # the title's two and the cursor's

    def _tell(self, *lines: str) -> None:
        if lines != self.warned:
            for line in lines:
                self.complain(line)
        self.warned = lines

    def _text(self, answer: Answer, space: os.terminal_size | None) -> bytes:
        """The answer in its form, with a line end unless it is empty."""
        content, is_json = answer.content, self.form in ("json", "ndjson")
        if self.form == "json" and self.indent:
            content = orjson.dumps(orjson.loads(content), option=orjson.OPT_INDENT_2)
        if not self.terminal and (is_json or self.form == "csv"):
            return content if content.endswith(b"\n") or not content else content + b"\n"
        if self.form == "table":
            rows = orjson.loads(content)
            lines = table(rows, self.fields, checked=answer.viewed, units=self.units or {})
            self.rowless = len(lines) < 2
        elif self.form == "name":
            lines = list(names(content))
        elif self.form == "csv":
            lines = lines_of(printable_lines(content.decode().replace("\r\n", "\n")))
        else:
            lines = lines_of(printable_json(content.decode()))
        if space is not None:
            lines = fitted(lines, space)
        elif self.terminal and self.form == "table":
            lines = [clip(line, shutil.get_terminal_size().columns) for line in lines]
        shown = "".join(f"{line}\n" for line in lines)
        return (colored(shown) if is_json and self.color else shown).encode()


def lines_of(text: str) -> list[str]:
    return text.rstrip("\n").split("\n") if text else []


def names(rows: bytes) -> Iterator[str]:
    """The only field of each row of NDJSON, unless it is empty."""
    for row in rows.splitlines():
        for name in filter(None, orjson.loads(row).values()):
            yield printable(str(name))


def fitted(lines: Sequence[str], space: os.terminal_size) -> list[str]:
    """The lines that fit; in place of the others, their number."""
    if len(lines) > space.lines:
        kept = max(space.lines - 1, 0)
        lines = [*lines[:kept], f"{ELLIPSIS} {len(lines) - kept} more lines"]
    return [clip(line, space.columns) for line in lines]


def warnings(ignored: Sequence[str], no_match: str = "") -> Iterator[str]:
    if ignored:
        yield f"warning: fields ignored: {printable(', '.join(ignored))}"
    if no_match:
        yield f"nothing is called so: {printable(no_match)}"


def space_above(message: str, space: os.terminal_size) -> os.terminal_size:
    taken = -(-len(message) // space.columns)
    return os.terminal_size((space.columns, max(space.lines - taken, 1)))


def output_of_process(
    form: Form, fields: Sequence[str], indent: bool | None, program: str
) -> Output:
    """Standard output; on a terminal, indented and, without NO_COLOR, colored."""
    terminal = sys.stdout.isatty()
    return Output(
        out=sys.stdout.buffer,
        err=sys.stderr,
        program=program,
        form=form,
        fields=fields,
        terminal=terminal,
        color=terminal and is_colored(),
        indent=terminal if indent is None else indent,
    )
