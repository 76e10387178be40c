"""What several commands do: read the settings, and fail in one line."""

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from gateway.cli.text import printable_lines
from gateway.errors import ConfigurationError
from gateway.logs import configure_logging
from gateway.settings import Settings, load_settings


class Failure(Exception):
    """A command ran, and this is what it found wrong. Its text is one line (or a few)."""


def one_line_failures(command: Callable[..., None]) -> Callable[..., None]:
    """A Failure ends the command with its line on standard error and exit status 1.

    Wrong settings do with exit status 2, as click's own usage errors.
    """

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except ConfigurationError as error:
            complain(str(error))
            sys.exit(2)
        except Failure as error:
            complain(str(error))
            sys.exit(1)

    return run


def complain(problem: str) -> None:
    """Say on standard error what is wrong."""
    click.echo(f"cuebot-gateway: {printable_lines(problem)}", err=True)


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
