"""What several commands do: read the settings, and end without a traceback."""

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TextIO

import click

from gateway.cli.terminal.text import PLAIN, RED, printable_lines
from gateway.errors import ConfigurationError
from gateway.observe.logs import configure_logging
from gateway.settings.loading import load_settings
from gateway.settings.model import Settings

PROGRAM = "cuebot-gateway"
FAILED, WRONG = 1, 2
INTERRUPTED, READER_GONE = 130, 141
"""Exit statuses; the last two are what a shell shows for the end by SIGINT and by SIGPIPE."""


class Failure(Exception):
    """A command ran, and this is what it found wrong. Its text is one line (or a few)."""


def one_line_failures(command: Callable[..., None]) -> Callable[..., None]:
    """A Failure ends the command with its line on standard error and exit status 1.

    Wrong settings do with exit status 2, as click's own usage errors, and what cannot be read or
    written with 1. Ctrl-C and a reader who has gone end it without a word.
    """

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            refuse_closed_streams()
            command(*arguments, **options)
        except ConfigurationError as error:
            complain(str(error))
            sys.exit(WRONG)
        except Failure as error:
            complain(str(error))
            sys.exit(FAILED)
        except KeyboardInterrupt:
            leave_the_line()
            sys.exit(INTERRUPTED)
        except BrokenPipeError:
            silence(sys.stdout)
            sys.exit(READER_GONE)
        except OSError as error:  # a full disk
            complain(f"cannot read or write: {error.strerror or error}")
            silence(sys.stdout)
            sys.exit(FAILED)

    return run


def refuse_closed_streams() -> None:
    """Raises Failure when standard input or output is closed.

    What is opened next would get its number. Standard error may be closed, to hear nothing.
    """
    if getattr(sys, "stderr") is None:  # noqa: B009 - mypy thinks that it cannot be
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - to the end
    for name, stream in (("input", "stdin"), ("output", "stdout")):
        if getattr(sys, stream) is None:
            raise Failure(f"standard {name} is closed; redirect it to /dev/null instead")


def complain(problem: str, stream: TextIO | None = None, *, red: bool = False) -> None:
    """Say on standard error (or `stream`) what is wrong, on a terminal in red if that is wanted."""
    line = f"{PROGRAM}: {printable_lines(problem)}"
    click.echo(f"{RED}{line}{PLAIN}" if red else line, stream, err=True)


def leave_the_line() -> None:
    """After Ctrl-C: begin a line behind the ^C that a terminal shows."""
    if sys.stderr.isatty():
        click.echo(err=True)


def silence(out: TextIO) -> None:
    """After a write has failed: let Python flush what is left into nothing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, out.fileno())
    os.close(nowhere)


def quiet_logs() -> None:
    """Standard output is for results; of the log only errors are shown, on standard error."""
    configure_logging("error", "console", sys.stderr)


def settings_from(config: Path | None) -> Settings:
    """The settings of this process, with `--config` in the place of GATEWAY_CONFIG."""
    environ = dict(os.environ)
    if config is not None:
        environ["GATEWAY_CONFIG"] = str(config)
    return load_settings(environ)


config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="TOML file with settings; the environment overrides it. Same as GATEWAY_CONFIG.",
)
