"""How answers, warnings and failures are shown: on a terminal, or in a pipe."""

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TextIO

import orjson

from gateway.cli.caller import Answer, ignored_in
from gateway.cli.table import table
from gateway.cli.text import PLAIN, RED, coloured, harmless, one_line, printable
from gateway.errors import GatewayError

HOME_AND_CLEAR = "\x1b[H\x1b[2J"
NAME = "cuebot-gateway"


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

    def answer(self, answer: Answer, *, most_lines: int | None = None) -> None:
        """Write the answer, of a long one only the first lines when there is a limit.

        Raises WrongCall when it cannot be the table that is wanted.
        """
        text = self._text(answer.pieces)
        if most_lines is not None:
            text = cut(text, most_lines)
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
        line = f"{NAME}: {text}"
        if self.colour and self.err.isatty():
            line = f"{RED}{line}{PLAIN}"
        print(line, file=self.err, flush=True)

    def start_over(self, title: str) -> None:
        """An empty screen with a title."""
        self.out.write(f"{HOME_AND_CLEAR}{title}\n\n".encode())
        self.out.flush()

    def _warn(self, ignored: tuple[str, ...]) -> None:
        if ignored and ignored != self.warned:
            self.complain(f"warning: fields ignored: {printable(', '.join(ignored))}")
        self.warned = ignored

    def _text(self, pieces: Iterable[bytes]) -> bytes:
        """The answer as it is shown, with the end of its last line."""
        json = b"".join(pieces)
        if self.fields:
            lines = table(orjson.loads(json), self.fields)
            return "".join(f"{line}\n" for line in lines).encode()
        if self.indent:
            json = orjson.dumps(orjson.loads(json), option=orjson.OPT_INDENT_2)
        if self.terminal:
            text = harmless(json.decode())
            json = (coloured(text) if self.colour else text).encode()
        return json.rstrip(b"\n") + b"\n"


def cut(text: bytes, most: int) -> bytes:
    """The first lines of a text that has more, and how many more there are."""
    lines = text.splitlines(keepends=True)
    if len(lines) <= most:
        return text
    kept = max(most - 1, 0)
    return b"".join(lines[:kept]) + f"… {len(lines) - kept} more lines\n".encode()


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


def silence(out: TextIO) -> None:
    """After a write has failed: let Python flush what is left into nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, out.fileno())
    os.close(nowhere)


def screen_lines() -> int:
    """How many lines of a terminal are left below a title."""
    return max(shutil.get_terminal_size().lines - 3, 1)
