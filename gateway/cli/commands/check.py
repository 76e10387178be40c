"""`cuebot-gateway check`."""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import click
import orjson
import uvloop

from gateway.cli.report import Found, Report, examine
from gateway.cli.terminal.failures import (
    complain,
    config_option,
    one_line_failures,
    quiet_logs,
    settings_from,
)
from gateway.cli.terminal.text import printable_lines
from gateway.errors import ConfigurationError

LABEL = 11
"""Columns before what is said about a label."""
LISTED = 5
"""How many methods of a service that is withheld are named; JSON has all."""


@click.command()
@click.option("--strict", is_flag=True, help="Fail for warnings too.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@config_option
@one_line_failures
def check(strict: bool, as_json: bool, config: Path | None) -> None:
    """Tell whether the gateway could serve, and what.

    Checks the settings and secrets, calls Cuebot, discovers the schema, and reports: which
    methods would be served, under which other names, which are withheld and why. Exit status: 0;
    1 when Cuebot does not answer, there is no schema or nothing is served, or with --strict when
    there is a warning; 2 for wrong settings.

    \b
    Example:
      cuebot-gateway check --config /etc/cuebot-gateway.toml
    """
    quiet_logs()
    report = made_report(config)
    fine = not report.problems and not (strict and report.warnings)
    if as_json:
        click.echo(orjson.dumps({"ok": fine} | as_object(report), option=orjson.OPT_INDENT_2))
    else:
        click.echo(printable_lines("\n".join(lines(report))))
    if not fine:
        problems, warnings = len(report.problems), len(report.warnings)
        complain(f"{counted(problems, 'problem')}, {counted(warnings, 'warning')}")
        sys.exit(2 if report.settings_wrong else 1)


def made_report(config: Path | None) -> Report:
    """The report, without anything about Cuebot when the settings cannot be read."""
    try:
        settings = settings_from(config)
    except ConfigurationError as error:
        report = Report()
        report.blame_settings(error)
        return report
    return uvloop.run(examine(settings))


def as_object(report: Report) -> dict[str, object]:
    """The report for programs. `schema` is null when there is none."""
    return {
        "problems": report.problems,
        "warnings": report.warnings,
        "cuebot": {"endpoint": ",".join(report.endpoints) or None, "answers": report.answers},
        "endpoints": report.endpoints,
        "secrets": report.secrets,
        "schema": None if report.found is None else asdict(report.found),
    }


def lines(report: Report) -> Iterator[str]:
    """The report for people."""
    if report.endpoints:
        first, *others = (
            f"{endpoint} {'answers' if answers else 'does not answer'}"
            for endpoint, answers in report.endpoints.items()
        )
        yield from entry("Cuebot", first, others)
        yield from entry("Secrets", str(report.secrets or "none"))
    if report.found is not None:
        yield from schema_lines(report.found)
    yield from entry("Warnings", str(len(report.warnings) or "none"), report.warnings)
    yield from entry("Problems", str(len(report.problems) or "none"), report.problems)


def schema_lines(found: Found) -> Iterator[str]:
    """What would be served, and what not."""
    said = "confirmed by Cuebot" if found.confirmed else "assumed, not confirmed by Cuebot"
    yield from entry("Schema", f"{found.source} ({said})")
    yield from entry("Digest", found.digest)
    served = f"{counted(found.methods, 'method')} of {counted(found.services, 'service')}"
    yield from entry("Served", f"{served}, at {counted(found.paths, 'path')}")
    for each in found.differences:
        yield from entry("Differs", f"{', '.join(each.endpoints)}: digest {each.digest}")
    aliases = [f"{alias} is {name}" for alias, name in found.aliases.items()]
    yield from entry("Aliases", counted(len(aliases), "service"), aliases)
    yield from entry(
        "Withheld", counted(len(found.withheld), "method"), withheld_lines(found.withheld)
    )
    skipped = [f"{skip.service}: {skip.reason}" for skip in found.skipped]
    yield from entry("Skipped", counted(len(skipped), "service"), skipped)
    yield from entry("Idle globs", str(len(found.idle_globs) or "none"), found.idle_globs)
    idle = [f"{each.entry}: {each.reason}" for each in found.idle_entries]
    yield from entry("Profile", counted(len(idle), "idle entry", "idle entries"), idle)
    streaming = counted(len(found.streaming), "method") + (
        ", answered with 501" * bool(found.streaming)
    )
    yield from entry("Streaming", streaming, found.streaming)


def withheld_lines(withheld: Mapping[str, str]) -> Iterator[str]:
    """One line for each service and rule."""
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for path, rule in withheld.items():
        service, _, method = path[1:].partition("/")
        groups[service, rule].append(method)
    for (service, rule), methods in groups.items():
        more = ", …" * (len(methods) > LISTED)
        yield f"{service}: {rule} ({', '.join(methods[:LISTED])}{more})"


def entry(label: str, said: str, items: Iterable[str] = ()) -> Iterator[str]:
    """A label, what is said about it, and its items below."""
    yield f"{label:{LABEL}}{said}"
    for item in items:
        yield " " * LABEL + item


def counted(number: int, noun: str, nouns: str = "") -> str:
    """`no methods`, `1 method`, `3 methods`."""
    return f"{number or 'no'} {noun if number == 1 else nouns or f'{noun}s'}"
