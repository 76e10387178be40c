"""`cuebot-gateway token`."""

import math
import sys
from pathlib import Path

import click

from gateway.access.tokens import token_rules
from gateway.observe.logs import configure_logging
from gateway_cli.common_options import config_option, settings_from, time_option
from gateway_cli.tokens import mint_token, signing_secret


@click.command()
@click.option("--sub", required=True, help="The subject: who the token is for.")
@time_option(
    "--ttl",
    default="1h",
    show_default=True,
    least=1,
    most=math.inf,
    help="Its lifetime: 90s, 15m, 8h, 30d.",
)
@config_option
def token(sub: str, ttl: float, config: Path | None) -> None:
    """Print a token for a client.

    It is signed with the configured secret, or the first one if there are several.

    \b
    Example:
      curl -H "Authorization: Bearer $(cuebot-gateway token --sub me)" …
    """
    settings = settings_from(config)
    configure_logging("warning", "console", sys.stderr)
    if not sub:
        raise click.BadParameter("a token needs a subject", param_hint="--sub")
    click.echo(mint_token(signing_secret(settings), token_rules(settings), sub, ttl))
