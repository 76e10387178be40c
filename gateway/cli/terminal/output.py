"""How answers, warnings and failures are shown: on a terminal, or in a pipe."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TextIO

import orjson

from gateway.cli.client.caller import Answer, ignored_in
from gateway.cli.terminal.failures import PROGRAM, complain
from gateway.cli.terminal.table import table
from gateway.cli.terminal.text import coloured, harmless, one_line, printable
from gateway.errors import GatewayError

HOME_AND_CLEAR = "\x1b[H\x1b[2J"
ELLIPSIS = "…"


@dataclass(slots=True, kw_only=True)
class Output:
    """Standard output for answers, standard error for everything else."""

    out: BinaryIO
    err: TextIO
    fields: Sequence[str] = ()
    """Those of the table; without any, answers are JSON."""
    terminal: bool = False
    """Whether `out` is one."""
    colour: bool = False
    indent: bool = False
    shown: int = 0
    """How many answers have been written."""
    warned: tuple[str, ...] = ()
    """The ignored fields that have been told."""

    def answer(self, answer: Answer, *, room: os.terminal_size | None = None) -> None:
        """Write the answer and its warning, only as much as there is room for if that is said.

        Raises WrongCall when it cannot be the table that is wanted.
        """
        if room is not None and answer.ignored and self.err.isatty():
            room = room_above(warning(answer.ignored), room)
        text = self._text(answer.pieces, room)
        if self.fields and self.shown and not self.terminal:
            self.out.write(b"\n")
        self.out.write(text)
        self.out.flush()
        self.shown += 1
        self._warn(answer.ignored)

    def failure(self, error: GatewayError) -> None:
        """Tell in one line that the call failed, and how."""
        text = f"{error.code.name}: {one_line(error.message) or 'no message'}"
        if error.details:
            text += f" {printable(orjson.dumps(list(error.details)).decode())}"
        self.complain(text)
        self._warn(ignored_in(error.headers))

    def complain(self, text: str) -> None:
        """One line on standard error."""
        complain(text, self.err, red=self.colour)

    def start_over(self, title: str) -> None:
        """An empty screen with a title. A warning that was on it is to be told again."""
        title = clip(title, shutil.get_terminal_size().columns)
        self.out.write(f"{HOME_AND_CLEAR}{title}\n\n".encode())
        self.out.flush()
        if self.err.isatty():
            self.warned = ()

    def _warn(self, ignored: tuple[str, ...]) -> None:
        if ignored and ignored != self.warned:
            self.complain(warning(ignored))
        self.warned = ignored

    def _text(self, pieces: Iterable[bytes], room: os.terminal_size | None) -> bytes:
        """The answer as it is shown, with the end of its last line."""
        json = b"".join(pieces)
        if self.fields:
            lines = table(orjson.loads(json), self.fields)
            return ended("\n".join(lines if room is None else fitting(lines, room)).encode())
        if self.indent:
            json = orjson.dumps(orjson.loads(json), option=orjson.OPT_INDENT_2)
        if not self.terminal:
            return ended(json)
        text = harmless(json.decode())
        if room is not None:
            text = "\n".join(fitting(text.rstrip("\n").split("\n"), room))
        return ended((coloured(text) if self.colour else text).encode())


def ended(text: bytes) -> bytes:
    """The text with one line end behind it."""
    return text.rstrip(b"\n") + b"\n"


def fitting(lines: Sequence[str], room: os.terminal_size) -> list[str]:
    """As much of the lines as there is room for; the last one tells how many more there are."""
    if len(lines) > room.lines:
        kept = max(room.lines - 1, 0)
        lines = [*lines[:kept], f"{ELLIPSIS} {len(lines) - kept} more lines"]
    return [clip(line, room.columns) for line in lines]


def clip(line: str, columns: int) -> str:
    """The line, or as much of it as has room before an ellipsis."""
    return line if len(line) <= columns else line[: columns - 1] + ELLIPSIS


def warning(ignored: Sequence[str]) -> str:
    """What is said of fields that were ignored."""
    return f"warning: fields ignored: {printable(', '.join(ignored))}"


def room_above(text: str, room: os.terminal_size) -> os.terminal_size:
    """The room that is left when a complaint is shown as well."""
    taken = -(-len(f"{PROGRAM}: {text}") // room.columns)
    return os.terminal_size((room.columns, max(room.lines - taken, 1)))


def output_for(
    out: TextIO,
    err: TextIO,
    environ: Mapping[str, str],
    *,
    fields: Sequence[str],
    indent: bool | None,
) -> Output:
    """The output of a process: on a terminal indented and, unless NO_COLOR is set, coloured."""
    terminal = out.isatty()
    plain = bool(environ.get("NO_COLOR")) or environ.get("TERM") == "dumb"
    return Output(
        out=out.buffer,
        err=err,
        fields=fields,
        terminal=terminal,
        colour=terminal and not plain,
        indent=terminal if indent is None else indent,
    )


def room_below_title() -> os.terminal_size:
    """What is left of the terminal below a title and its empty line, and above the cursor's."""
    columns, lines = shutil.get_terminal_size()
    return os.terminal_size((columns, max(lines - 3, 1)))
