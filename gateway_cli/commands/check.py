"""`cuebot-gateway check`."""

import asyncio
import os
import sys
from importlib import import_module
from pathlib import Path

import click
import uvloop
from click.core import ParameterSource

from gateway.features import FEATURES
from gateway.features.settings import misspelled
from gateway_cli.checks import Findings, Report, run_checks
from gateway_cli.client.cuebot import DISCOVERY_TIMEOUT_SECONDS
from gateway_cli.common_options import Way, config_option, json_option, settings_from, way_options
from gateway_cli.exits import complain
from gateway_cli.gateway_checks import GatewayReport, check_gateway
from gateway_cli.tokens import token_source
from gateway_client.errors import InvalidCall
from gateway_client.gateway import gateway_client
from gateway_client.terminal.exits import FAILED, WRONG_USAGE
from gateway_client.terminal.text import counted, json_text, printable_lines


@click.command()
@click.option("--strict", is_flag=True, help="Fail on warnings, too.")
@click.option(
    "--as",
    "claims",
    metavar="CLAIM=VALUE",
    multiple=True,
    help="Explain what a token with this claim may do. May be repeated; JSON works, too.",
)
@click.option(
    "--about",
    "facts",
    metavar="FACT=VALUE",
    multiple=True,
    help="With --as, what METHOD would change: user=lena, show=demo. May be repeated.",
)
@click.argument("method", required=False)
@json_option
@way_options
@config_option
@click.pass_context
def check(
    context: click.Context,
    strict: bool,
    claims: tuple[str, ...],
    facts: tuple[str, ...],
    method: str | None,
    as_json: bool,
    way: Way,
    config: Path | None,
) -> None:
    """Check whether a gateway serves, or could, and what.

    With --url or GATEWAY_URL, asks that gateway: whether it is ready, which Cuebot and schema it
    has, whether it accepts the token, what the token may call (and METHOD, if given), and whether
    the clocks agree.

    Otherwise, or with --direct, checks the settings and secrets of this machine, calls Cuebot,
    discovers the schema, and reports which methods would be served, under which other names, and
    which are withheld and why.

    With --as, explains instead which access rule of the settings decides about a token with these
    claims, and whether it may call METHOD: with --about, for what it would change.

    \b
    Example:
      cuebot-gateway check --url http://gateway:8448 Job/Kill
      cuebot-gateway check --direct --config /etc/cuebot-gateway.toml
      cuebot-gateway check --as role=artist job.JobInterface/Kill
      cuebot-gateway check --as role=artist --as sub=lena --about user=bo Job/Kill

    \b
    Exit status:
      0  all is well; METHOD may be called
      1  no gateway or Cuebot answers, or it is not ready; the token is refused;
         METHOD may not be called; there is no schema, or nothing to serve;
         with --strict, there are warnings
      2  wrong usage or settings, such as globs that match nothing
    """
    if claims:
        given = context.get_parameter_source("url") is ParameterSource.COMMANDLINE
        if given or way.token is not None or way.sub is not None:
            raise click.UsageError(
                "--as is about the rules in the settings of this machine;"
                " leave out --url, --token and --sub"
            )
        explain = next((each.explains for each in FEATURES if each.explains), None)
        if explain is None:
            raise click.UsageError("--as: this gateway has no rules")
        import_module(explain).explain(claims, facts, method, as_json, config)
        return
    if facts:
        raise click.UsageError("--about is for --as: who would change it?")
    if way.url is not None:
        ask_gateway(way.url, way, method, strict=strict, as_json=as_json, config=config)
        return
    if method is not None:
        raise click.UsageError("METHOD needs a gateway to ask (--url), or --as: who would call it?")
    report = Report()
    with report.settings():  # without which there is nothing to ask
        report = uvloop.run(run_checks(settings_from(config)))
    report.warnings += misspelled(os.environ)
    tell(report, strict=strict, as_json=as_json)


def ask_gateway(
    url: str, way: Way, method: str | None, *, strict: bool, as_json: bool, config: Path | None
) -> None:
    settings, token = settings_from(config), ""
    signing = Findings()
    with signing.settings():
        token = token_source(settings, way.token, way.sub)()

    async def run() -> GatewayReport:
        async with gateway_client(url, lambda: token, DISCOVERY_TIMEOUT_SECONDS) as client:
            return await check_gateway(client, token or None, method)

    try:
        report = asyncio.run(run())
    except InvalidCall as error:
        raise click.UsageError(str(error)) from None
    if config is not None:
        report.warnings.append(
            f"{config} was not checked: this asks the gateway at {url} (--direct checks it)"
        )
    if signing.settings_wrong:
        report.settings_wrong = True
        report.problems += signing.problems
    elif not report.accepted and report.readiness is not None and way.token_from_environment:
        report.warnings.append("the token came from TOKEN; unset it, or sign one with --sub")
    tell(report, strict=strict, as_json=as_json)


def tell(report: Findings, *, strict: bool, as_json: bool) -> None:
    """Print a report, and exit with 1 or 2 if the check has failed."""
    fine = not report.problems and not (strict and report.warnings)
    if as_json:
        click.echo(json_text({"ok": fine} | report.as_object()))
    else:
        click.echo(printable_lines("\n".join(report.lines())))
    if not fine:
        problems, warnings = len(report.problems), len(report.warnings)
        complain(f"{counted(problems, 'problem')}, {counted(warnings, 'warning')}")
        sys.exit(WRONG_USAGE if report.settings_wrong else FAILED)
