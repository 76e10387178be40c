"""`cuebot-gateway compare`."""

import asyncio
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import orjson

from gateway.core.errors import ConfigurationError
from gateway.features.catalog import load_profile
from gateway_cli.client.cuebot import discover
from gateway_cli.client.method_names import matches
from gateway_cli.common_options import config_option, json_option, settings_from
from gateway_cli.compare.comparison import Comparison, Finding, Outcome, ReadOnlyGateway, Result
from gateway_cli.compare.differences import documented_in
from gateway_cli.exits import complain
from gateway_cli.tokens import token_source
from gateway_client.durations import time_option
from gateway_client.errors import Failure
from gateway_client.gateway import check_url, gateway_client
from gateway_client.terminal.exits import FAILED
from gateway_client.terminal.layout import aligned
from gateway_client.terminal.text import clip, counted, json_text, printable, printable_lines

LONGEST_VALUE = 60
"""Characters of a value in the text; JSON has all of it."""
PLACES_NAMED = 3
"""Places that the text names for each expected difference."""


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
                documented=documented_in(load_profile(settings.compat_profile)),
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
    """On a terminal, replace the last progress with this one."""
    if sys.stderr.isatty():
        click.echo(f"\r{printable(text)}\x1b[K", err=True, nl=False)


def lines(outcome: Outcome, changing: int) -> Iterator[str]:
    """The findings as a table, and a summary; `changing` methods were not sent."""
    rows = [row for result in outcome.results for row in rows_of(result)]
    yield from aligned(("METHOD", "ASKED", "RESULT", ""), rows)
    yield ""
    yield (
        f"{counted(len(outcome.results), 'method')}: {outcome.count('same')} the same,"
        f" {outcome.count('differs')} different, {outcome.count('expected')} with expected"
        f" differences only, {outcome.count('skipped')} skipped"
        f" ({changing} that change something were not sent)"
    )


def rows_of(result: Result) -> Iterator[tuple[str, str, str, str]]:
    first, *others = [*remarks_on(result)] or [""]
    yield result.method, str(result.asked), result.verdict, first
    yield from (("", "", "", other) for other in others)


def remarks_on(result: Result) -> Iterator[str]:
    if result.skipped:
        yield result.skipped
    unexpected = [each for each in result.findings.values() if not each.expected]
    yield from map(remark, unexpected)
    for kind in sorted({each.kind for each in result.findings.values() if each.expected}):
        places = [each.path for each in result.findings.values() if each.kind == kind]
        yield f"expected: {kind}{few(places)}"
    if result.failure and not result.succeeded and not unexpected:
        yield f"errors only: {clip(printable(result.failure), LONGEST_VALUE)}"
    if result.moving:
        yield f"moving:{few(sorted(result.moving))}"


def remark(finding: Finding) -> str:
    """`value jobs.jobs[].name: "a" here, "b" there (3 times)`."""
    place = f" {finding.path}" * bool(finding.path)
    times = f" ({finding.count} times)" * (finding.count > 1)
    return f"{finding.kind}{place}: {short(finding.here)} here, {short(finding.there)} there{times}"


def few(places: list[str]) -> str:
    """The first few places, after a space; nothing for whole answers."""
    text = ", ".join(places[:PLACES_NAMED]) + ", …" * (len(places) > PLACES_NAMED)
    return f" {text}" if any(places) else ""


def short(value: object) -> str:
    text = "nothing" if value is None else orjson.dumps(value).decode()
    return clip(printable(text), LONGEST_VALUE)


def as_object(outcome: Outcome, here: str, there: str) -> dict[str, Any]:
    """The outcome as a JSON object; `here` and `there` are the URLs."""
    verdicts = ("same", "differs", "expected", "skipped")
    return {
        "same": outcome.same,
        "problem": outcome.problem or None,
        "here": here,
        "there": there,
        "counts": {verdict: outcome.count(verdict) for verdict in verdicts},
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
