"""What a comparison found, by method."""

import re
from dataclasses import dataclass, field

from gateway.cli.compare.differences import Difference


@dataclass(slots=True, kw_only=True)
class Finding:
    """Differences of one kind at one place of a method's answers, with an example."""

    kind: str
    path: str
    """With `[]` for any item of a list."""
    expected: bool
    here: object
    there: object
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
    """Why it was not asked."""

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
        place = any_item(difference.path)
        finding = self.findings.setdefault(
            (difference.kind, place),
            Finding(
                kind=difference.kind,
                path=place,
                expected=difference.expected,
                here=difference.here,
                there=difference.there,
                request=request,
            ),
        )
        finding.count += 1


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
