"""`cuebot-gateway compare`."""

import asyncio
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import orjson

from gateway.cli.client.discover import discover
from gateway.cli.client.gateway import calling_gateway, check_url
from gateway.cli.client.token_source import token_source
from gateway.cli.commands.call import parse_time
from gateway.cli.commands.check import counted
from gateway.cli.commands.routes import fits
from gateway.cli.compare.comparison import Comparison, Finding, Outcome, Result
from gateway.cli.compare.polite_gateway import PoliteGateway
from gateway.cli.terminal.failures import (
    FAILED,
    Failure,
    complain,
    config_option,
    one_line_failures,
    settings_from,
)
from gateway.cli.terminal.table import aligned
from gateway.cli.terminal.text import printable, printable_lines
from gateway.compat.profile import load_profile
from gateway.errors import ConfigurationError

SHOWN = 60
"""How many characters of a value are shown; JSON has it whole."""
FEW = 3
"""How many places are named that need no attention."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two gateways."""

    url: str
    token: Callable[[], str]


@click.command()
@click.option("--other", required=True, metavar="URL", help="The gateway to compare this one with.")
@click.option(
    "--url",
    envvar="GATEWAY_URL",
    show_envvar=True,
    required=True,
    help="This gateway.",
)
@click.option("--token", help="This gateway's token. In the environment, as TOKEN, nobody sees it.")
@click.option(
    "--other-token",
    envvar="OTHER_TOKEN",
    show_envvar=True,
    help="The other's token, if it takes another one. Better in the environment, too.",
)
@click.option(
    "--methods",
    "pattern",
    metavar="FILTER",
    default="",
    help="Compare only these, as routes takes them (Job/*).",
)
@click.option(
    "--samples",
    type=click.IntRange(1, 100),
    default=2,
    show_default=True,
    help="Requests for each method, with as many ids.",
)
@click.option(
    "--rate",
    type=click.FloatRange(0.1, 1000),
    default=25,
    show_default=True,
    help="Requests a second to each gateway, at most.",
)
@click.option(
    "--timeout",
    metavar="TIME",
    callback=parse_time,
    help="How long a call may take (default: GRPC_TIMEOUT, 30s).",
)
@click.option(
    "--max-time",
    metavar="TIME",
    default="10m",
    show_default=True,
    callback=parse_time,
    help="How long all of it may take.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@config_option
@one_line_failures
def compare(
    other: str,
    url: str,
    token: str | None,
    other_token: str | None,
    pattern: str,
    samples: int,
    rate: float,
    timeout: float | None,
    max_time: float,
    as_json: bool,
    config: Path | None,
) -> None:
    """Ask two gateways the same, and tell in what their answers differ.

    Sends every method that only reads (Get..., Find..., Is...) to the gateway of --url and to
    the one of --other, with ids and names from earlier answers. Methods that change something
    are never sent. The schema is discovered as for routes; the token is that of call. What the
    farm itself changes meanwhile does not count.

    \b
    Example:
      export GATEWAY_URL=http://gateway:8448 TOKEN=...
      cuebot-gateway compare --other http://old-gateway:8448

    \b
    Exit status:
      0  the same, or different only where it is meant to be
      1  there are differences, or the gateways could not be compared
      2  wrong usage or settings
    """
    settings = settings_from(config)
    own = token_source(settings, token, None)
    theirs = own if other_token is None else token_source(settings, other_token, None)
    here, there = Side(url=check_url(url), token=own), Side(url=check_url(other), token=theirs)
    if here.url == there.url:
        raise ConfigurationError("--url and --other are the same gateway")
    catalog = discover(settings).catalog
    methods = [each for each in catalog.methods if each.reads_only and not each.streams]
    if not any(fits(method.path, pattern) for method in methods):
        raise Failure(f"no method that only reads matches {pattern!r}")

    async def run() -> Outcome:
        patience = settings.grpc_timeout if timeout is None else timeout
        async with (
            calling_gateway(here.url, here.token, patience) as first,
            calling_gateway(there.url, there.token, patience) as second,
        ):
            return await Comparison(
                here=PoliteGateway(first, rate),
                there=PoliteGateway(second, rate),
                methods=methods,
                samples=samples,
                seconds=max_time,
                documented=load_profile(settings.compat_profile).answers,
                wanted=lambda path: fits(path, pattern),
            ).run()

    outcome = asyncio.run(run())
    changing = len(catalog.methods) - len(methods)
    if as_json:
        report = as_object(outcome, here.url, there.url)
        click.echo(orjson.dumps(report, option=orjson.OPT_INDENT_2))
    else:
        click.echo(printable_lines("\n".join(lines(outcome, changing))))
    if outcome.problem:
        complain(outcome.problem)
    if not outcome.same:
        sys.exit(FAILED)


def lines(outcome: Outcome, changing: int) -> Iterator[str]:
    """The report for people: what was found by method, and how much there is of what."""
    rows = [row for result in outcome.results for row in rows_of(result)]
    yield from aligned(("METHOD", "ASKED", "RESULT", ""), rows)
    yield ""
    yield (
        f"{counted(len(outcome.results), 'method')}: {outcome.count('same')} the same,"
        f" {outcome.count('differs')} with differences, {outcome.count('expected')} with expected"
        f" ones only, {outcome.count('skipped')} skipped"
        f" ({changing} that change something are never sent)"
    )


def rows_of(result: Result) -> Iterator[tuple[str, str, str, str]]:
    """The rows of one method; the second and further ones are only about differences."""
    remarks = list(remarks_of(result))
    yield result.method, str(result.asked), result.verdict, remarks[0] if remarks else ""
    for remark in remarks[1:]:
        yield "", "", "", remark


def remarks_of(result: Result) -> Iterator[str]:
    """What there is to say of one method."""
    if result.skipped:
        yield result.skipped
    surprises = [each for each in result.findings.values() if not each.expected]
    yield from map(remark, surprises)
    for kind in sorted({each.kind for each in result.findings.values() if each.expected}):
        places = [each.path for each in result.findings.values() if each.kind == kind]
        yield f"expected: {kind}{named(places)}"
    if result.failure and not result.succeeded and not surprises:
        yield f"errors only: {short_text(result.failure)}"
    if result.moving:
        yield f"moving:{named(sorted(result.moving))}"


def remark(finding: Finding) -> str:
    """`value jobs.jobs[].name: "a" here, "b" there (3 times)`."""
    place = f" {finding.path}" * bool(finding.path)
    times = f" ({finding.count} times)" * (finding.count > 1)
    return f"{finding.kind}{place}: {short(finding.here)} here, {short(finding.there)} there{times}"


def named(places: list[str]) -> str:
    """The first few places, after a space; nothing for whole answers."""
    few = ", ".join(places[:FEW]) + ", …" * (len(places) > FEW)
    return f" {few}" if any(places) else ""


def short(value: object) -> str:
    """A value, or as much of it as has room."""
    return short_text(orjson.dumps(value).decode() if value is not None else "nothing")


def short_text(text: str) -> str:
    """Text on one line, or as much of it as has room."""
    text = printable(text)
    return text if len(text) <= SHOWN else text[: SHOWN - 1] + "…"


def as_object(outcome: Outcome, here: str, there: str) -> dict[str, Any]:
    """The report for programs."""
    return {
        "same": outcome.same,
        "problem": outcome.problem or None,
        "here": here,
        "there": there,
        "counts": {
            verdict: outcome.count(verdict)
            for verdict in ("same", "differs", "expected", "skipped")
        },
        "methods": [
            {
                "method": result.method,
                "result": result.verdict,
                "asked": result.asked,
                "succeeded": result.succeeded,
                "skipped": result.skipped or None,
                "differences": [asdict(each) for each in result.findings.values()],
                "moving": sorted(result.moving),
            }
            for result in outcome.results
        ],
    }
