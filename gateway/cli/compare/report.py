"""The outcome of a comparison as text and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import orjson

from gateway.cli.compare.findings import Finding, Outcome, Result
from gateway.cli.terminal.table import aligned
from gateway.cli.terminal.text import clip, counted, printable

SHOWN = 60
"""How many characters of a value are shown; JSON has all of it."""
FEW = 3
"""How many places are named that need no attention."""


def lines(outcome: Outcome, changing: int) -> Iterator[str]:
    """A table with the findings about each method, and a summary.

    `changing` is the number of methods that were left out because they change something.
    """
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
    """The rows of one method, one for each remark."""
    remarks = list(remarks_on(result))
    yield result.method, str(result.asked), result.verdict, remarks[0] if remarks else ""
    for remark in remarks[1:]:
        yield "", "", "", remark


def remarks_on(result: Result) -> Iterator[str]:
    """What there is to say about one method."""
    if result.skipped:
        yield result.skipped
    unexpected = [each for each in result.findings.values() if not each.expected]
    yield from map(remark, unexpected)
    for kind in sorted({each.kind for each in result.findings.values() if each.expected}):
        places = [each.path for each in result.findings.values() if each.kind == kind]
        yield f"expected: {kind}{few(places)}"
    if result.failure and not result.succeeded and not unexpected:
        yield f"errors only: {clip(printable(result.failure), SHOWN)}"
    if result.moving:
        yield f"moving:{few(sorted(result.moving))}"


def remark(finding: Finding) -> str:
    """`value jobs.jobs[].name: "a" here, "b" there (3 times)`."""
    place = f" {finding.path}" * bool(finding.path)
    times = f" ({finding.count} times)" * (finding.count > 1)
    return f"{finding.kind}{place}: {short(finding.here)} here, {short(finding.there)} there{times}"


def few(places: list[str]) -> str:
    """The first few places, after a space; nothing for whole answers."""
    text = ", ".join(places[:FEW]) + ", …" * (len(places) > FEW)
    return f" {text}" if any(places) else ""


def short(value: object) -> str:
    """A value on one line, cut to SHOWN characters."""
    text = "nothing" if value is None else orjson.dumps(value).decode()
    return clip(printable(text), SHOWN)


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
