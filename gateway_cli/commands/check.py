"""`cuebot-gateway check`."""

import sys
from dataclasses import asdict
from pathlib import Path

import click
import orjson
import uvloop

from gateway_cli.checks import Report, as_object, lines, run_checks
from gateway_cli.client.discover import discover
from gateway_cli.client.invalid import InvalidCall
from gateway_cli.common_options import config_option, json_option, settings_from
from gateway_cli.decision import claims_from, decide, decision_lines
from gateway_cli.terminal.exits import FAILED, WRONG_USAGE, complain
from gateway_cli.terminal.text import counted, printable_lines


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
@config_option
def check(
    strict: bool, claims: tuple[str, ...], method: str | None, as_json: bool, config: Path | None
) -> None:
    """Check whether the gateway could serve, and what.

    Checks the settings and secrets, calls Cuebot, discovers the schema, and reports which methods
    would be served, under which other names, and which are withheld and why.

    With --as, explains instead which access rule decides about a token with these claims, and
    whether it may call METHOD.

    \b
    Example:
      cuebot-gateway check --config /etc/cuebot-gateway.toml
      cuebot-gateway check --as role=artist job.JobInterface/Kill

    \b
    Exit status:
      0  all is well; with --as, METHOD may be called
      1  no Cuebot answers, there is no schema, or no method would be served;
         with --strict, there are warnings; with --as, METHOD may not be called
      2  wrong usage or settings, such as globs that match nothing
    """
    if claims:
        explain(claims, method, as_json, config)
        return
    if method is not None:
        raise click.UsageError("METHOD needs --as: who would call it?")
    report = Report()
    with report.settings():  # without which there is nothing to ask
        report = uvloop.run(run_checks(settings_from(config)))
    fine = not report.problems and not (strict and report.warnings)
    if as_json:
        click.echo(orjson.dumps({"ok": fine} | as_object(report), option=orjson.OPT_INDENT_2))
    else:
        click.echo(printable_lines("\n".join(lines(report))))
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
        click.echo(orjson.dumps(asdict(decision), option=orjson.OPT_INDENT_2))
    else:
        click.echo(printable_lines("\n".join(decision_lines(decision))))
    if decision.problem:
        sys.exit(FAILED)
