"""The end of a command: an exit status and, after a failure, a line on standard error."""

import os
import re
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, TextIO

import click

from gateway_client.errors import CallError, Failure, InvalidCall, WrongSetting
from gateway_client.terminal.text import one_line, printable, printable_lines

FAILED, WRONG_USAGE, NOT_FOUND, UNAVAILABLE, CUT, GAVE_UP = 1, 2, 3, 4, 5, 6
SHOWN_FAILURES = 10
INTERRUPTED, BROKEN_PIPE = 130, 141
"""Shells report these for SIGINT and SIGPIPE."""
MEANINGS = {
    0: "success",
    FAILED: "failed",
    WRONG_USAGE: "wrong usage",
    NOT_FOUND: "not found",
    UNAVAILABLE: "unavailable",
    CUT: "there may be more",
    GAVE_UP: "timed out",
    INTERRUPTED: "Ctrl-C",
    BROKEN_PIPE: "broken pipe",
}
"""Exit statuses of all commands that call."""
STATUS_OF_CODE = {
    "INVALID_ARGUMENT": WRONG_USAGE,
    "NOT_FOUND": NOT_FOUND,
    "UNAVAILABLE": UNAVAILABLE,
}


CLASS_OF_EXCEPTION = re.compile(r"\b(?:[a-z]\w*\.)+[A-Z]\w*(?:Exception|Error): ")


def status_of(error: CallError) -> int:
    return STATUS_OF_CODE.get(error.code, FAILED)


def exits_cleanly(command: Callable[..., None], program: str) -> Callable[..., None]:
    """Turn exceptions into exit statuses and one line on standard error, never a traceback.

    Ctrl-C and a reader that has gone away (`| head`) end the command without a message.
    """

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            refuse_closed_streams()
            command(*arguments, **options)
        except (WrongSetting, InvalidCall) as error:
            complain(str(error), program)
            sys.exit(WRONG_USAGE)
        except Failure as error:
            complain(str(error), program)
            sys.exit(FAILED)
        except CallError as error:
            complain(text_of(error), program)
            sys.exit(status_of(error))
        except click.exceptions.NoArgsIsHelpError:
            raise
        except click.UsageError as error:  # it may quote a server
            raise click.UsageError(printable_lines(error.format_message()), error.ctx) from None
        except KeyboardInterrupt:
            end_interrupted_line()
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            discard_output(sys.stdout)
            sys.exit(BROKEN_PIPE)
        except OSError as error:  # a full disk
            complain(f"cannot read or write: {error.strerror or error}", program)
            discard_output(sys.stdout)
            sys.exit(FAILED)

    return run


def text_of(error: CallError) -> str:
    """Its code and message on one line, without the names of Java's classes."""
    message = one_line(CLASS_OF_EXCEPTION.sub("", error.message))
    return f"{error.code}: {message or 'no message'}"


def failure_lines(failures: Sequence[tuple[str, CallError]]) -> list[str]:
    """A line for each of several calls that have failed, by name; of many, the first."""
    lines = [f"  {printable(name)}: {text_of(error)}" for name, error in failures[:SHOWN_FAILURES]]
    more = len(failures) - SHOWN_FAILURES
    return [*lines, f"  … and {more} more"] if more > 0 else lines


def refuse_closed_streams() -> None:
    """Raises Failure if standard input or output is closed: the next file would get its number.

    Standard error may be closed.
    """
    if getattr(sys, "stderr") is None:  # noqa: B009 - mypy thinks that it cannot be
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open to the end
    for name, stream in (("input", "stdin"), ("output", "stdout")):
        if getattr(sys, stream) is None:
            raise Failure(f"standard {name} is closed; redirect it to /dev/null instead")


def complain(
    problem: str, program: str, stream: TextIO | None = None, *, red: bool = False
) -> None:
    """Print a problem on standard error (or `stream`)."""
    line = f"{program}: {printable_lines(problem)}"
    click.echo(click.style(line, fg="red") if red else line, stream, err=True)


def end_interrupted_line() -> None:
    """On a terminal, begin a new line after ^C."""
    if sys.stderr.isatty():
        click.echo(err=True)


def discard_output(out: TextIO) -> None:
    """After a failed write, let Python flush the rest to /dev/null at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, out.fileno())
    os.close(nowhere)
