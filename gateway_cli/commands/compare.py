"""`cuebot-gateway compare`."""

import asyncio
import sys
from pathlib import Path

import click

from gateway.compat.profile import load_profile
from gateway.errors import ConfigurationError
from gateway_cli.client.discover import discover
from gateway_cli.client.gateway import check_url, gateway_client, token_source
from gateway_cli.client.method_names import matches
from gateway_cli.common_options import config_option, json_option, settings_from, time_option
from gateway_cli.compare.comparison import Comparison, ReadOnlyGateway
from gateway_cli.compare.findings import Outcome, as_object, lines
from gateway_cli.terminal.exits import FAILED, Failure, complain
from gateway_cli.terminal.text import json_text, printable, printable_lines


@click.command()
@click.option("--other", required=True, metavar="URL", help="The gateway to compare this one with.")
@click.option("--url", envvar="GATEWAY_URL", show_envvar=True, required=True, help="This gateway.")
@click.option("--token", help="This gateway's token; set TOKEN to hide it from other users.")
@click.option(
    "--other-token",
    envvar="OTHER_TOKEN",
    show_envvar=True,
    help="The other gateway's token, if it needs a different one.",
)
@click.option(
    "--methods",
    "pattern",
    metavar="FILTER",
    default="",
    help="Compare only these methods (Job/*), a FILTER as for routes.",
)
@click.option(
    "--samples",
    type=click.IntRange(1, 100),
    default=2,
    show_default=True,
    help="Requests for each method, each with other ids.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 1000),
    default=25,
    show_default=True,
    help="Requests per second to each gateway, at most.",
)
@time_option("--timeout", default="10s", show_default=True, help="How long each call may take.")
@time_option(
    "--max-time",
    default="10m",
    show_default=True,
    help="How long the whole comparison may take.",
)
@json_option
@config_option
def compare(
    other: str,
    url: str,
    token: str | None,
    other_token: str | None,
    pattern: str,
    samples: int,
    rate: float,
    timeout: float,
    max_time: float,
    as_json: bool,
    config: Path | None,
) -> None:
    """Send two gateways the same requests, and show where their answers differ.

    Sends every method that only reads (Get..., Find..., Is...) to the gateways of --url and
    --other, with ids and names from earlier answers. Methods that change something are never
    sent. The schema is discovered as for routes, and the token is chosen as for call. What the
    farm itself changes in the meantime does not count.

    \b
    Example:
      export GATEWAY_URL=http://gateway:8448 TOKEN=...
      cuebot-gateway compare --other http://old-gateway:8448

    \b
    Exit status:
      0  no differences, or only expected ones
      1  there are differences, or the gateways could not be compared
      2  wrong usage or settings
    """
    settings = settings_from(config)
    own_token = token_source(settings, token, None)
    its_token = own_token if other_token is None else token_source(settings, other_token, None)
    here, there = check_url(url), check_url(other)
    if here == there:
        raise ConfigurationError("--url and --other are the same gateway")
    catalog = discover(settings)
    methods = [each for each in catalog.methods if each.reads_only and not each.streams]
    if not any(matches(method.path, pattern) for method in methods):
        raise Failure(f"no read-only method matches {pattern!r}")

    async def run() -> Outcome:
        async with (
            gateway_client(here, own_token, timeout) as first,
            gateway_client(there, its_token, timeout) as second,
        ):
            return await Comparison(
                here=ReadOnlyGateway(first, rate),
                there=ReadOnlyGateway(second, rate),
                methods=methods,
                samples=samples,
                seconds=max_time,
                documented=load_profile(settings.compat_profile).answers,
                wanted=lambda path: matches(path, pattern),
                told=show_progress,
            ).run()

    outcome = asyncio.run(run())
    show_progress("")
    if as_json:
        click.echo(json_text(as_object(outcome, here, there)))
    else:
        changing = len(catalog.methods) - len(methods)
        click.echo(printable_lines("\n".join(lines(outcome, changing))))
    if outcome.problem:
        complain(outcome.problem)
    if not outcome.same:
        sys.exit(FAILED)


def show_progress(text: str) -> None:
    """On a terminal, show this text in the place of the last one."""
    if sys.stderr.isatty():
        click.echo(f"\r{printable(text)}\x1b[K", err=True, nl=False)
