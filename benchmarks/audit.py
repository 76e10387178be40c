"""What the audit log costs a change: `python -m benchmarks.audit [FOLDER]`.

CPU per request, throughput and waits of a small change (Pause), without the audit log, with it, and
with AUDIT_SYNC, of gateways that are loaded in turn. The logs are in FOLDER, since a sync costs
what its disk takes; by default in the folder for temporary files.
"""

import os
import sys
from contextlib import ExitStack
from dataclasses import replace
from functools import partial

from benchmarks.bench import OTHER_CORES, prepared_before, ready
from benchmarks.contenders import Options, gateway
from benchmarks.farm import CannedFarm
from benchmarks.measure import Figures, measure
from benchmarks.scenarios import build_scenarios
from benchmarks.upstream import CannedServer
from benchmarks.wrk import find_wrk

WAYS = ("none", "audit", "synced")
CONNECTIONS = (1, 32)
ROUNDS, SECONDS = 5, 1.0


def main() -> None:
    """Print a line for each way and number of connections."""
    above = sys.argv[1] if len(sys.argv) > 1 else None
    if find_wrk() is None:
        sys.exit("wrk is needed (apt-get install wrk)")
    os.sched_setaffinity(0, OTHER_CORES)
    pause = next(each for each in build_scenarios(CannedFarm(10)) if each.name == "empty")
    answers = {call.message: call.answer for call in pause.calls}
    with (
        prepared_before(partial(CannedServer, answers), ROUNDS, SECONDS, above) as bench,
        ExitStack() as stack,
    ):
        folder = bench.place.folder
        settings = {
            "none": {},
            "audit": {"AUDIT_LOG": str(folder / "audit.log")},
            "synced": {"AUDIT_LOG": str(folder / "synced.log"), "AUDIT_SYNC": "true"},
        }
        running = []
        for way in WAYS:
            options = Options(settings=settings[way])
            running.append(
                replace(stack.enter_context(ready(bench, gateway, pause, options)), name=way)
            )
        print(f"{'':8}{'at once':>9}{'CPU/request':>13}{'requests/s':>12}{'p50':>10}{'p99':>10}")
        for connections in CONNECTIONS:
            scenario = replace(pause, connections=connections)
            found = measure(running, scenario, bench.loader, rounds=ROUNDS, seconds=SECONDS)
            for way in WAYS:
                print(line(way, connections, found.figures[way], found.figures["none"]))


def line(way: str, connections: int, figures: Figures, none: Figures) -> str:
    """A row; the throughput also as a share of that without the log."""
    share = figures.requests_per_second / none.requests_per_second
    return (
        f"{way:8}{connections:9}{figures.cpu_us:10.0f} µs{figures.requests_per_second:12.0f}"
        f"{figures.p50_ms:7.2f} ms{figures.p99_ms:7.2f} ms  {share:.0%}"
    )


if __name__ == "__main__":
    main()
