"""`cuebot-gateway check`."""

import sys
from pathlib import Path

import click
import orjson
import uvloop

from gateway.cli.checks import Report, as_object, lines, run_checks
from gateway.cli.common_options import config_option, json_option, settings_from
from gateway.cli.terminal.exits import FAILED, WRONG_USAGE, complain
from gateway.cli.terminal.text import counted, printable_lines


@click.command()
@click.option("--strict", is_flag=True, help="Fail on warnings, too.")
@json_option
@config_option
def check(strict: bool, as_json: bool, config: Path | None) -> None:
    """Check whether the gateway could serve, and what.

    Checks the settings and secrets, calls Cuebot, discovers the schema, and reports which methods
    would be served, under which other names, and which are withheld and why.

    \b
    Example:
      cuebot-gateway check --config /etc/cuebot-gateway.toml

    \b
    Exit status:
      0  all is well
      1  no Cuebot answers, there is no schema, or no method would be served;
         with --strict, there are warnings
      2  wrong usage or settings, such as globs that match nothing
    """
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
