"""`cuebot-gateway token`."""

import math
import sys
from pathlib import Path

import click

from gateway.core.logs import configure_logging
from gateway.features.tokens.minting import mint_token, signing_secret
from gateway.features.tokens.tokens import token_rules
from gateway_cli.common_options import config_option, settings_from
from gateway_cli.tokens import claims_from
from gateway_client.durations import time_option
from gateway_client.errors import InvalidCall


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
@click.option(
    "--claim",
    "claims",
    multiple=True,
    metavar="CLAIM=VALUE",
    help="One more claim: role=artist; shows=a,b is a list; JSON is taken as it is.",
)
@config_option
def token(sub: str, ttl: float, claims: tuple[str, ...], config: Path | None) -> None:
    """Print a token for a client.

    It is signed with the configured secret, or the first one if there are several. The claims
    decide which access rule applies.

    \b
    Example:
      curl -H "Authorization: Bearer $(cuebot-gateway token --sub me)" …
      cuebot-gateway token --sub kim --claim role=artist --claim shows=demo,blue
    """
    settings = settings_from(config)
    configure_logging("warning", "console", sys.stderr)
    if not sub:
        raise click.BadParameter("a token needs a subject", param_hint="--sub")
    try:
        more = claims_from(claims, "--claim")
    except InvalidCall as error:
        raise click.UsageError(str(error)) from None
    click.echo(mint_token(signing_secret(settings), token_rules(settings), sub, ttl, claims=more))
