"""`cuebot-gateway check`."""

import asyncio
import os
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

import click
import uvloop
from click.core import ParameterSource

from gateway.errors import ConfigurationError
from gateway.settings.loading import misspelled
from gateway_cli.checks import Report, as_object, lines, run_checks
from gateway_cli.client.discover import TIMEOUT, discover
from gateway_cli.client.gateway import gateway_client, token_source
from gateway_cli.client.invalid import InvalidCall
from gateway_cli.common_options import Way, config_option, json_option, settings_from, way_options
from gateway_cli.decision import claims_from, decide, decision_lines
from gateway_cli.terminal.exits import FAILED, WRONG_USAGE, complain
from gateway_cli.terminal.text import counted, json_text, printable_lines


@click.command()
@click.option("--strict", is_flag=True, help="Fail on warnings, too.")
@click.option(
    "--as",
    "claims",
    metavar="CLAIM=VALUE",
    multiple=True,
    help="Explain what a token with this claim may do. May be repeated; JSON works, too.",
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
    claims, and whether it may call METHOD.

    \b
    Example:
      cuebot-gateway check --url http://gateway:8448 Job/Kill
      cuebot-gateway check --direct --config /etc/cuebot-gateway.toml
      cuebot-gateway check --as role=artist job.JobInterface/Kill

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
        explain(claims, method, as_json, config)
        return
    if way.url is not None:
        ask_gateway(way.url, way, method, strict=strict, as_json=as_json, config=config)
        return
    if method is not None:
        raise click.UsageError("METHOD needs a gateway to ask (--url), or --as: who would call it?")
    report = Report()
    with report.settings():  # without which there is nothing to ask
        report = uvloop.run(run_checks(settings_from(config)))
    report.warnings += misspelled(os.environ)
    tell(report, as_object(report), lines(report), strict=strict, as_json=as_json)


def ask_gateway(
    url: str, way: Way, method: str | None, *, strict: bool, as_json: bool, config: Path | None
) -> None:
    """Check a gateway over HTTP, and print the report."""
    from gateway_cli import gateway_checks as checks

    settings, problem = settings_from(config), ""
    try:
        token = token_source(settings, way.token, way.sub)()
    except ConfigurationError as error:
        token, problem = "", str(error)

    async def run() -> checks.GatewayReport:
        async with gateway_client(url, lambda: token, TIMEOUT) as client:
            return await checks.check_gateway(client, token or None, method)

    try:
        report = asyncio.run(run())
    except InvalidCall as error:
        raise click.UsageError(str(error)) from None
    if problem:
        report.settings_wrong = True
        report.problems.append(problem)
    elif not report.accepted and report.readiness is not None and way.token_from_environment:
        report.warnings.append("the token came from TOKEN; unset it, or sign one with --sub")
    tell(report, checks.as_object(report), checks.lines(report), strict=strict, as_json=as_json)


class Found(Protocol):
    """A report."""

    problems: list[str]
    warnings: list[str]
    settings_wrong: bool


def tell(
    report: Found, whole: dict[str, object], text: Iterable[str], *, strict: bool, as_json: bool
) -> None:
    """Print a report, and end with a status that says what came of it."""
    fine = not report.problems and not (strict and report.warnings)
    if as_json:
        click.echo(json_text({"ok": fine} | whole))
    else:
        click.echo(printable_lines("\n".join(text)))
    if not fine:
        problems, warnings = len(report.problems), len(report.warnings)
        complain(f"{counted(problems, 'problem')}, {counted(warnings, 'warning')}")
        sys.exit(WRONG_USAGE if report.settings_wrong else FAILED)


def explain(
    claims: tuple[str, ...], method: str | None, as_json: bool, config: Path | None
) -> None:
    """Print what the rules of access decide; ends with status 1 if METHOD is denied."""
    settings = settings_from(config)
    try:
        token = claims_from(claims)
        decision = decide(settings, discover(settings), token, method)
    except InvalidCall as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        click.echo(json_text(asdict(decision)))
    else:
        click.echo(printable_lines("\n".join(decision_lines(decision))))
    if decision.problem:
        sys.exit(FAILED)
