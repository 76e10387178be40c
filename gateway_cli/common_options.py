"""Options that several commands have."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from gateway.settings.loading import load_settings
from gateway.settings.model import DAY, Settings, parse_duration

Decorator = Callable[[Callable[..., None]], Callable[..., None]]

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="TOML file with settings; the environment overrides it. Same as GATEWAY_CONFIG.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def settings_from(config: Path | None) -> Settings:
    """The settings of this process, with `--config` in place of GATEWAY_CONFIG.

    Raises ConfigurationError.
    """
    given = {} if config is None else {"GATEWAY_CONFIG": str(config)}
    return load_settings(os.environ | given)


def time_option(*names: str, least: float = 0.1, most: float = DAY, **more: Any) -> Decorator:
    """An option that takes a time (`30s`, `500ms`, `2m`) between these, and gives seconds."""

    def parse(
        context: click.Context, parameter: click.Parameter, value: str | None
    ) -> float | None:
        if value is None:
            return None
        try:
            time = parse_duration(value)
        except ValueError as error:
            raise click.BadParameter(str(error), context, parameter) from None
        if time < least:
            raise click.BadParameter(f"must be at least {least:g} s", context, parameter)
        if time > most:
            raise click.BadParameter(f"must be at most {most:g} s", context, parameter)
        return time

    return click.option(*names, metavar="TIME", callback=parse, **more)
