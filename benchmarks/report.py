"""Results as a readable table: on the terminal, and the same in Markdown."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from benchmarks.fairness import Waits
from benchmarks.measure import Figures, Outcome
from benchmarks.protocols import MOST_OF_JSON, Spending
from benchmarks.shared import MOST_OF_GATEWAY, MOST_OF_UPSTREAM, VIEWERS, Viewing

IDLE = 0.85
"""Below this share of its core, a gateway was waiting for the load or the upstream: (!)."""
CROWDED = 0.20
"""Above this share of the time, other processes had the gateway's core: (~)."""
CONTENDERS = ("gateway", "envoy", "floor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fairness:
    """The waits of each contender, by name."""

    waits: dict[str, Waits]
    target: float | None = 0.50

    @property
    def ratio(self) -> float | None:
        """The gateway's p99 to Envoy's."""
        if not {"gateway", "envoy"} <= self.waits.keys():
            return None
        return self.waits["gateway"].p99_ms / self.waits["envoy"].p99_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All results of one run; parts that were not requested are empty."""

    surroundings: dict[str, str]
    rounds: int
    seconds: float
    quiet: list[Outcome]
    """Without access log."""
    logged: list[Outcome]
    """With an access log, on both sides."""
    paced: list[Outcome]
    """With clients that send less than Envoy can serve."""
    scale: list[Outcome]
    fairness: Fairness | None
    notes: list[str]
    shared: list[Viewing] = field(default_factory=list)
    protocols: list[Spending] = field(default_factory=list)


def to_markdown(results: Results) -> str:
    """The whole report."""
    lines = ["# Results", ""]
    lines += [f"- {name}: {text}" for name, text in results.surroundings.items()]
    lines.append(
        f"- {results.rounds} rounds of {results.seconds:g} s for each: least CPU, else medians"
    )
    lines += [f"- {note}" for note in results.notes]
    for title, outcomes in (
        ("Without access log", results.quiet),
        ("With access log, on both sides", results.logged),
        ("Waits below the limit", results.paced),
        ("Scale", results.scale),
    ):
        if outcomes:
            lines += ["", f"## {title}", "", *table(outcomes)]
    if results.fairness is not None:
        lines += ["", "## Fairness", "", *fairness_table(results.fairness)]
    if results.shared:
        lines += ["", "## Shared reads", "", *shared_table(results.shared)]
    if results.protocols:
        lines += ["", "## Protocols", "", *protocols_table(results.protocols)]
    return "\n".join(lines) + "\n"


def shared_table(viewings: Sequence[Viewing]) -> Iterator[str]:
    """What many viewers of one list cost, as multiples of what one costs in the same time."""
    heads = ("gateway", "target", "upstream", "target", "answers a second: one", "many")
    yield row([f"{VIEWERS} viewers of 1000 jobs", *heads])
    yield row(["---", *["---:"] * len(heads)])
    for each in viewings:
        cells = [ratio(each.gateway, MOST_OF_GATEWAY), f"≤ {MOST_OF_GATEWAY:g}"]
        cells += [ratio(each.upstream, MOST_OF_UPSTREAM), f"≤ {MOST_OF_UPSTREAM:g}"]
        yield row([each.coding, *cells, f"{each.one.answers:.0f}", f"{each.many.answers:.0f}"])


def protocols_table(spendings: Sequence[Spending]) -> Iterator[str]:
    """What a request costs in each protocol, as a share of plain JSON."""
    yield row(["answer", "protocol", "CPU µs", "of JSON", "target", "bytes"])
    yield row(["---", "---", *["---:"] * 4])
    for each in spendings:
        target = MOST_OF_JSON if each.is_bounded else None
        cells = [f"{each.cpu_us:.0f}", ratio(each.of_json, target)]
        cells += [f"≤ {target:g}" if target else "", str(each.size)]
        yield row([each.title, each.form, *cells])


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """One line for each scenario: CPU first, since it is what counts."""
    names = [name for name in CONTENDERS if any(name in each.figures for each in outcomes)]
    heads = ["scenario", *(f"{name}, CPU µs" for name in names), "ratio", "target"]
    for name in names:
        heads += [f"{name}: req/s", "p50 / p99 ms", "busy", "peak MB"]
    yield row(heads)
    yield row(["---"] + ["---:"] * (len(heads) - 1))
    for each in outcomes:
        cells = [f"{each.title}, {each.connections} conn."]
        found = [each.figures.get(name) for name in names]
        cells += [f"{one.cpu_us:.1f}" if one else "" for one in found]
        cells += [ratio(each.ratio, each.target), f"≤ {each.target:.2f}" if each.target else ""]
        for one in found:
            cells += details(one)
        yield row(cells)


def details(one: Figures | None) -> list[str]:
    if one is None:
        return [""] * 4
    doubts = (" (!)" if one.busy < IDLE else "") + (" (~)" if one.crowded > CROWDED else "")
    return [
        f"{one.requests_per_second:.0f}"
        if one.requests_per_second > 20
        else f"{one.requests_per_second:.1f}",
        f"{one.p50_ms:.1f} / {one.p99_ms:.1f}",
        f"{one.busy:.0%}{doubts}",
        f"{one.peak_mb:.0f}",
    ]


def ratio(value: float | None, target: float | None) -> str:
    """A ratio, in bold if it misses its target."""
    if value is None:
        return "–"
    return f"**{value:.2f}**" if target is not None and value > target else f"{value:.2f}"


def fairness_table(fairness: Fairness) -> Iterator[str]:
    """The waits, and how they compare."""
    yield row(["GetShows beside 20000 jobs in a loop", "p50 ms", "p99 ms", "longest ms"])
    yield row(["---", "---:", "---:", "---:"])
    for name, waits in fairness.waits.items():
        yield row([name, f"{waits.p50_ms:.1f}", f"{waits.p99_ms:.1f}", f"{waits.longest_ms:.1f}"])
    if fairness.ratio is not None:
        yield ""
        shown = ratio(fairness.ratio, fairness.target)
        yield f"p99 to Envoy's: {shown} (target ≤ {fairness.target})"


def row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
