"""How a command ends: with an exit status and, if it failed, a line on standard error."""

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, TextIO

import click

from gateway.errors import ConfigurationError, GatewayError
from gateway.observe.logs import configure_logging
from gateway_cli.terminal.text import printable_lines

PROGRAM = "cuebot-gateway"
FAILED, WRONG_USAGE = 1, 2
INTERRUPTED, BROKEN_PIPE = 130, 141
"""What shells report for a process ended by SIGINT or SIGPIPE."""


class Failure(Exception):
    """The command ran and found something wrong. Its text is one line, or a few."""


def exits_cleanly(command: Callable[..., None]) -> Callable[..., None]:
    """Turn exceptions into exit statuses and one line on standard error, never a traceback.

    Wrong settings end the command with status 2, as wrong usage does; a Failure, a GatewayError
    (Cuebot cannot be reached, there is no schema) and failed reads or writes with 1. Ctrl-C and
    a reader that has gone away (`| head`) end it without a message. Only errors are logged,
    unless the command configures logging itself.
    """

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            refuse_closed_streams()
            configure_logging("error", "console", sys.stderr)
            command(*arguments, **options)
        except (ConfigurationError, Failure, GatewayError) as error:
            complain(str(error))
            sys.exit(WRONG_USAGE if isinstance(error, ConfigurationError) else FAILED)
        except click.UsageError as error:  # it may quote what a server has said
            raise click.UsageError(printable_lines(error.format_message()), error.ctx) from None
        except KeyboardInterrupt:
            end_interrupted_line()
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            discard_output(sys.stdout)
            sys.exit(BROKEN_PIPE)
        except OSError as error:  # a full disk
            complain(f"cannot read or write: {error.strerror or error}")
            discard_output(sys.stdout)
            sys.exit(FAILED)

    return run


def refuse_closed_streams() -> None:
    """Raises Failure if standard input or output is closed.

    The next file opened would get its number. Standard error may be closed to silence messages.
    """
    if getattr(sys, "stderr") is None:  # noqa: B009 - mypy thinks that it cannot be
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - open to the end
    for name, stream in (("input", "stdin"), ("output", "stdout")):
        if getattr(sys, stream) is None:
            raise Failure(f"standard {name} is closed; redirect it to /dev/null instead")


def complain(problem: str, stream: TextIO | None = None, *, red: bool = False) -> None:
    """Print a problem on standard error (or `stream`)."""
    line = f"{PROGRAM}: {printable_lines(problem)}"
    click.echo(click.style(line, fg="red") if red else line, stream, err=True)


def end_interrupted_line() -> None:
    """After Ctrl-C, begin a new line after the ^C that the terminal shows."""
    if sys.stderr.isatty():
        click.echo(err=True)


def discard_output(out: TextIO) -> None:
    """After a failed write, let Python flush what is left to /dev/null at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, out.fileno())
    os.close(nowhere)
