"""Every fault under load: `python -m tests.chaos [--seconds 10] [--kills 100] [FAULT …]`.

A table at the end. The exit status is 1 when an answer was wrong, or a change was made twice or not
although the gateway says so, or when the gateway does not come back after a fault.
"""

import argparse
import asyncio
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from gateway_cli.terminal.log_setup import configure_logging
from tests.chaos.faults import FAULTS
from tests.chaos.trial import Outcome, place

KILLED_SECONDS = 0.2
HEADS = (
    "fault",
    "calls",
    "right",
    "wrong",
    "changes",
    "twice",
    "lost",
    "good after",
    "errors by status",
)
ROW = "{:<16}{:>8}{:>8}{:>7}{:>9}{:>7}{:>6}{:>12}  {}"


def main() -> int:
    """Run the faults that are asked for."""
    names = (*FAULTS, "address", "killed")
    arguments = argparse.ArgumentParser(prog="tests.chaos")
    arguments.add_argument("--seconds", type=float, default=10, help="that each fault lasts")
    arguments.add_argument("--kills", type=int, default=100, help="of Cuebot")
    arguments.add_argument("faults", nargs="*", metavar="FAULT", help=", ".join(names))
    given = arguments.parse_args()
    wanted = given.faults or list(names)
    if unknown := [name for name in wanted if name not in names]:
        arguments.error(f"no fault is called {unknown[0]}; there are {', '.join(names)}")
    configure_logging("error", "console")
    with TemporaryDirectory() as folder:
        outcomes = asyncio.run(endure(Path(folder), wanted, given.seconds, given.kills))
    print("\n" + ROW.format(*HEADS))
    for outcome in outcomes:
        print(row(outcome))
    for outcome in outcomes:
        for wrong in outcome.wrong[:5]:
            print(f"{outcome.fault}: {wrong}")
    return int(not all(outcome.good for outcome in outcomes))


async def endure(folder: Path, names: Iterable[str], seconds: float, kills: int) -> list[Outcome]:
    """One outcome for each of these, and one for all kills together."""
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
    """What became of the calls of all of them."""
    errors: Counter[int] = Counter()
    for each in outcomes:
        errors.update(each.errors)
    return Outcome(
        fault=name,
        calls=sum(each.calls for each in outcomes),
        right=sum(each.right for each in outcomes),
        errors=dict(sorted(errors.items())),
        wrong=tuple(wrong for each in outcomes for wrong in each.wrong),
        changes=sum(each.changes for each in outcomes),
        twice=sum(each.twice for each in outcomes),
        lost=sum(each.lost for each in outcomes),
        recovery=max(each.recovery for each in outcomes),
    )


def row(outcome: Outcome) -> str:
    """The line of the table."""
    errors = ", ".join(f"{status}: {number}" for status, number in outcome.errors.items())
    return ROW.format(
        outcome.fault,
        outcome.calls,
        outcome.right,
        len(outcome.wrong),
        outcome.changes,
        outcome.twice,
        outcome.lost,
        f"{outcome.recovery:.1f} s",
        errors,
    )


if __name__ == "__main__":
    sys.exit(main())
