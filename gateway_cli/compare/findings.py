"""What a comparison found: by method, as text and as JSON."""

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import orjson

from gateway_cli.compare.differences import Difference
from gateway_cli.terminal.table import aligned
from gateway_cli.terminal.text import clip, counted, printable

SHOWN = 60
"""How many characters of a value are shown; JSON has all of it."""
FEW = 3
"""How many places are named that need no attention."""


@dataclass(slots=True, kw_only=True)
class Finding(Difference):
    """Differences of one kind at one place (with `[]` for any item of a list), with an example."""

    request: object
    count: int = 0


@dataclass(slots=True, kw_only=True)
class Result:
    """What was found about one method."""

    method: str
    asked: int = 0
    """How many requests were compared."""
    succeeded: int = 0
    """How many requests both gateways answered with 200."""
    findings: dict[tuple[str, str], Finding] = field(default_factory=dict)
    moving: set[str] = field(default_factory=set)
    """Places that changed during the comparison."""
    failure: str = ""
    """The last error that both gateways agreed on."""
    skipped: str = ""
    """Why it was not asked, or not compared."""
    late: bool = False
    """Whether a gateway has not answered in time. It is not asked further."""

    @property
    def verdict(self) -> str:
        """`same`, `differs`, `expected` (differs only as expected) or `skipped`."""
        if any(not finding.expected for finding in self.findings.values()):
            return "differs"
        if self.findings:
            return "expected"
        return "same" if self.asked else "skipped"

    def add(self, difference: Difference, request: object) -> None:
        """Count a difference; the first of its kind at a place becomes the example."""
        key = difference.kind, any_item(difference.path)
        if key not in self.findings:
            example = asdict(difference) | {"path": key[1]}
            self.findings[key] = Finding(**example, request=request)
        self.findings[key].count += 1


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What was found about all methods."""

    results: list[Result]
    stopped: str = ""
    """Why the comparison is incomplete."""

    def count(self, verdict: str) -> int:
        """How many methods have this verdict."""
        return sum(result.verdict == verdict for result in self.results)

    @property
    def problem(self) -> str:
        """Why nothing can be concluded; empty if something can."""
        if self.stopped:
            return self.stopped
        if not any(result.succeeded for result in self.results):
            return "no call succeeded on both gateways, so nothing was compared"
        return ""

    @property
    def same(self) -> bool:
        """Whether the gateways differ only as expected."""
        return not self.problem and not self.count("differs")


def any_item(path: str) -> str:
    """`jobs.jobs[3].name` as `jobs.jobs[].name`."""
    return re.sub(r"\[\d+\]", "[]", path)


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
    first, *others = [*remarks_on(result)] or [""]
    yield result.method, str(result.asked), result.verdict, first
    yield from (("", "", "", other) for other in others)


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
