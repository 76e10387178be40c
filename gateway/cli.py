"""The command line: `cuebot-gateway serve | demo | token`."""

import os
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click
import uvloop

from gateway import __version__
from gateway.auth import load_secrets, mint_token, rules_of
from gateway.errors import ConfigurationError
from gateway.listen import listen
from gateway.logs import configure_logging
from gateway.server import serve as serve_gateway
from gateway.settings import Settings, load_settings, parse_duration


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


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="cuebot-gateway")
def main() -> None:
    """JSON over HTTP in front of OpenCue's Cuebot.

    Settings come from the environment and a TOML file; config/gateway.toml and
    docs/configuration.md list them all.
    """


@main.command()
@config_option
@one_line_failures
def serve(config: Path | None) -> None:
    """Run the gateway, on REST_HOST and REST_PORT (0.0.0.0:8448).

    \b
    Example:
      JWT_SECRET=$(openssl rand -base64 32) CUEBOT_ENDPOINT=cuebot:8443 cuebot-gateway serve
    """
    settings = settings_from(config)
    configure_logging(settings.log_level, settings.log_format)
    with listen(settings.rest_host, settings.rest_port) as listener:
        uvloop.run(serve_gateway(settings, listener))


@main.command()
@click.option("--sub", required=True, help="The subject: who the token is for.")
@click.option("--ttl", default="1h", show_default=True, help="Its life: 90s, 15m, 8h, 30d.")
@config_option
@one_line_failures
def token(sub: str, ttl: str, config: Path | None) -> None:
    """Print a token signed with the configured secret (the first one of several).

    \b
    Example:
      curl -H "Authorization: Bearer $(cuebot-gateway token --sub me --ttl 8h)" …
    """
    settings = settings_from(config)
    configure_logging("warning", "console", sys.stderr)
    try:
        seconds = parse_duration(ttl)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--ttl") from None
    if seconds < 1:
        raise click.BadParameter("a token has to live for a second or more", param_hint="--ttl")
    if not sub:
        raise click.BadParameter("a token needs a subject", param_hint="--sub")
    click.echo(mint_token(load_secrets(settings)[0], rules_of(settings), sub, seconds))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=None,
    type=click.IntRange(0, 65535),
    help="Port of the gateway (8448), or with --cuebot-only of Cuebot (8443); 0: a free one.",
)
@click.option("--cuebot-only", is_flag=True, help="Start the simulated Cuebot alone.")
@click.option(
    "--no-reflection", is_flag=True, help="A Cuebot without server reflection, as the stock one is."
)
@one_line_failures
def demo(host: str, port: int | None, cuebot_only: bool, no_reflection: bool) -> None:
    """Try the gateway on a simulated farm.

    Starts a simulated Cuebot and the gateway in front of it, and prints a token and commands to
    paste. Nothing outside this machine is touched.

    \b
    Example:
      cuebot-gateway demo --port 9000
    """
    from gateway.demo.run import run_demo  # only the demo needs the opencue extra

    run_demo(host=host, port=port, cuebot_only=cuebot_only, reflection=not no_reflection)
