"""Every fault and every costly view under load, and kills of gateways: `python -m tests.chaos
[NAME …]`.

Tables at the end. The exit status is 1 when an answer was wrong, or a change was made twice or not
although the gateway says so, when the gateway does not come back after a fault, or when others
wait too long beside a costly view.
"""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway.core.logs import configure_logging
from tests.chaos import killed_gateway, views
from tests.chaos.costly_clients import VIEWS
from tests.chaos.faults import FAULTS
from tests.chaos.trial import Outcome, place
from tests.chaos.views import MOST_MS

KILLED_SECONDS = 0.2
GATEWAY = "gateway"
"""The name of the kills of gateways, under changes with an Idempotency-Key."""
KEY_ROW = "{:<16}{:>8}{:>10}{:>10}{:>9}{:>7}{:>6}{:>7}"
KEY_HEADS = ("", "keys", "answered", "replayed", "unknown", "twice", "lost", "wrong")
HEADS = ("fault", "calls", "right", "wrong", "changes", "twice", "lost", "good after", "errors")
ROW = "{:<16}{:>8}{:>8}{:>7}{:>9}{:>7}{:>6}{:>12}  {}"
VIEW_HEADS = ("view", "others", "right", "wrong", "p99", "before", "CPU p99", "before", "answers")
VIEW_ROW = "{:<16}{:>8}{:>8}{:>7}{:>12}{:>10}{:>12}{:>10}  {}"


def main() -> int:
    faults = (*FAULTS, "address", "killed")
    arguments = argparse.ArgumentParser(prog="tests.chaos", description=__doc__)
    arguments.add_argument("--seconds", type=float, default=10, help="of each fault or view (10)")
    arguments.add_argument("--kills", type=int, default=100, help="of Cuebot (100)")
    arguments.add_argument("--gateway-kills", type=int, default=200, help="of gateways (200)")
    what = f"a fault ({', '.join(faults)}), {GATEWAY} or a view ({', '.join(VIEWS)}); all without"
    arguments.add_argument("names", nargs="*", metavar="NAME", help=what)
    given = arguments.parse_args()
    names = (*faults, GATEWAY, *VIEWS)
    wanted = given.names or list(names)
    if unknown := [name for name in wanted if name not in names]:
        arguments.error(f"nothing is called {unknown[0]}; there are {', '.join(names)}")
    configure_logging("error", "console")
    good = True
    if wanted_faults := [name for name in wanted if name in faults]:
        with TemporaryDirectory() as folder:
            outcomes = asyncio.run(endure(Path(folder), wanted_faults, given.seconds, given.kills))
        good = report(outcomes)
    if GATEWAY in wanted:
        with TemporaryDirectory() as folder:
            good = (
                report_keys(asyncio.run(kill_gateways(Path(folder), given.gateway_kills))) and good
            )
    if wanted_views := [name for name in wanted if name in VIEWS]:
        good = report_views(try_views(wanted_views, given.seconds)) and good
    return int(not good)


def report(outcomes: Sequence[Outcome]) -> bool:
    print("\n" + ROW.format(*HEADS))
    for each in outcomes:
        numbers = (each.calls, each.right, len(each.wrong), each.changes, each.twice, each.lost)
        print(ROW.format(each.fault, *numbers, f"{each.recovery:.1f} s", by_status(each.errors)))
    for each in outcomes:
        for wrong in each.wrong[:5]:
            print(f"{each.fault}: {wrong}")
    return all(each.good for each in outcomes)


async def kill_gateways(folder: Path, kills: int) -> killed_gateway.Outcome:
    print(f"{GATEWAY}: {kills} kills", flush=True)
    async with killed_gateway.place(folder) as here:
        return await here.endure(kills)


def report_keys(outcome: killed_gateway.Outcome) -> bool:
    bad = (outcome.twice, outcome.lost, outcome.wrong)
    numbers = (outcome.keys, outcome.answered, outcome.replayed, outcome.unknown, *map(len, bad))
    print("\n" + KEY_ROW.format(*KEY_HEADS))
    print(KEY_ROW.format(f"{outcome.kills} kills", *numbers))
    for each in bad:
        print(*each[:5], sep="\n", end="\n" * bool(each))
    return outcome.good


def try_views(names: Iterable[str], seconds: float) -> list[views.Outcome]:
    outcomes = []
    with views.place() as here:
        for name in names:
            print(f"{name}: {seconds:g} s", flush=True)
            outcomes.append(here.endure(name, seconds))
    return outcomes


def report_views(outcomes: Sequence[views.Outcome]) -> bool:
    print("\n" + VIEW_ROW.format(*VIEW_HEADS))
    for each in outcomes:
        waits, before = each.waits, each.quiet
        times = (waits.p99, before.p99, waits.cpu_p99, before.cpu_p99)
        numbers = (each.others.calls, each.others.right, len(each.wrong))
        cells = (*numbers, *(f"{ms:.1f} ms" for ms in times), by_status(each.answers))
        print(VIEW_ROW.format(each.view, *cells))
    for each in outcomes:
        if each.waits.p99 > MOST_MS:
            print(
                f"{each.view}: by the clock, others wait {each.waits.p99:.1f} ms (p99), which is"
                f" over {MOST_MS:g} ms; {each.quiet.p99:.1f} ms before"
            )
        for problem in each.problems:
            print(f"NOT GOOD: {each.view}: {problem}")
    return not any(each.problems for each in outcomes)


async def endure(folder: Path, names: Iterable[str], seconds: float, kills: int) -> list[Outcome]:
    outcomes = []
    async with place(folder) as here:
        for name in names:
            if name != "killed":
                print(f"{name}: {seconds:g} s", flush=True)
                outcomes.append(await here.endure(name, seconds))
                continue
            killed = []
            for number in range(1, kills + 1):
                killed.append(await here.endure(name, KILLED_SECONDS))
                if number % 10 == 0:
                    print(f"{name}: {number} of {kills}", flush=True)
            outcomes.append(together(f"{kills} kills", killed))
    return outcomes


def together(name: str, outcomes: list[Outcome]) -> Outcome:
    def total(field: str) -> int:
        return sum(getattr(each, field) for each in outcomes)

    return Outcome(
        fault=name,
        **{field: total(field) for field in ("calls", "right", "changes", "twice", "lost")},
        errors=dict(sorted(sum((Counter(each.errors) for each in outcomes), Counter()).items())),
        wrong=tuple(wrong for each in outcomes for wrong in each.wrong),
        recovery=max(each.recovery for each in outcomes),
    )


def by_status(numbers: Mapping[int, int] | Mapping[str, int]) -> str:
    return ", ".join(f"{status}: {number}" for status, number in numbers.items())


if __name__ == "__main__":
    sys.exit(main())
