"""The end of a command: an exit status and, after a failure, a line on standard error."""

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
"""Shells report these for SIGINT and SIGPIPE."""


class Failure(Exception):
    """The command has failed. The text is one line, or a few."""


class InvalidCall(Exception):
    """The call names an unknown method or field. The text is one line."""


def exits_cleanly(command: Callable[..., None]) -> Callable[..., None]:
    """Turn exceptions into exit statuses and one line on standard error, never a traceback.

    Wrong settings and wrong usage have status 2; a Failure, a GatewayError and failed reads or
    writes 1. Ctrl-C and a reader that has gone away (`| head`) end the command without a message.
    Only errors are logged, unless the command configures logging itself.
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
        except click.UsageError as error:  # it may quote a server
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
    """Raises Failure if standard input or output is closed: the next file would get its number.

    Standard error may be closed.
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
    """On a terminal, begin a new line after ^C."""
    if sys.stderr.isatty():
        click.echo(err=True)


def discard_output(out: TextIO) -> None:
    """After a failed write, let Python flush the rest to /dev/null at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, out.fileno())
    os.close(nowhere)
