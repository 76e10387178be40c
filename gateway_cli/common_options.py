"""Options that several commands have."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from gateway.core.errors import ConfigurationError
from gateway.features.settings import Settings, load_settings

config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="TOML file with settings; the environment overrides it. Same as GATEWAY_CONFIG.",
)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def settings_from(config: Path | None) -> Settings:
    """The settings, with `--config` for GATEWAY_CONFIG. Raises ConfigurationError."""
    given = {} if config is None else {"GATEWAY_CONFIG": str(config)}
    return load_settings(os.environ | given)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The server that a command asks: the gateway at `url`, or Cuebot with None."""

    url: str | None = None
    token: str | None = None
    sub: str | None = None

    @property
    def token_from_environment(self) -> bool:
        return self.token is None and self.sub is None and "TOKEN" in os.environ


WAY = (
    click.option("--url", envvar="GATEWAY_URL", show_envvar=True, help="Ask this gateway."),
    click.option("--direct", is_flag=True, help="Ask Cuebot itself, even if GATEWAY_URL is set."),
    click.option("--token", help="The gateway's token; set TOKEN to hide it from other users."),
    click.option(
        "--sub", help="Sign a token for this subject with JWT_SECRET (default: your user)."
    ),
)


def way_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options for the server to ask, which the command gets as `way`."""

    @wraps(command)
    def with_way(
        *arguments: Any,
        url: str | None,
        direct: bool,
        token: str | None,
        sub: str | None,
        **options: Any,
    ) -> None:
        given = click.get_current_context().get_parameter_source("url")
        if direct and given is ParameterSource.COMMANDLINE:
            raise ConfigurationError("use either --url or --direct, not both")
        if direct or url is None:
            if token is not None or sub is not None:
                raise ConfigurationError("--token and --sub are for a gateway; add --url")
            url = None
        command(*arguments, way=Way(url=url, token=token, sub=sub), **options)

    for option in reversed(WAY):
        with_way = option(with_way)
    return with_way
