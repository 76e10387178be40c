"""`cuebot-gateway token`."""

import sys
from pathlib import Path

import click

from gateway.access.keys import load_secrets
from gateway.access.tokens import mint_token, token_rules
from gateway.cli.terminal.failures import config_option, one_line_failures, settings_from
from gateway.observe.logs import configure_logging
from gateway.settings.kinds import parse_duration


@click.command()
@click.option("--sub", required=True, help="The subject: who the token is for.")
@click.option("--ttl", default="1h", show_default=True, help="Its life: 90s, 15m, 8h, 30d.")
@config_option
@one_line_failures
def token(sub: str, ttl: str, config: Path | None) -> None:
    """Print a token for a client.

    It is signed with the configured secret, the first one of several.

    \b
    Example:
      curl -H "Authorization: Bearer $(cuebot-gateway token --sub me)" …
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
    click.echo(mint_token(load_secrets(settings)[0], token_rules(settings), sub, seconds))
