"""What several commands do: read the settings, and fail in one line."""

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from gateway.errors import ConfigurationError
from gateway.settings import Settings, load_settings


def one_line_failures(command: Callable[..., None]) -> Callable[..., None]:
    """Wrong settings end the command with one line on standard error and exit status 2."""

    @wraps(command)
    def run(*arguments: Any, **options: Any) -> None:
        try:
            command(*arguments, **options)
        except ConfigurationError as error:
            click.echo(f"cuebot-gateway: {error}", err=True)
            sys.exit(2)

    return run


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
