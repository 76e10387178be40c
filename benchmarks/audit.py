"""What the audit log costs a change: `python -m benchmarks.audit [FOLDER]`.

CPU per request, throughput and waits of a small change (Pause), without the audit log, with it, and
with AUDIT_SYNC, of gateways that are loaded in turn. The logs are in FOLDER, since a sync costs
what its disk takes; by default in the folder for temporary files.
"""

import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmarks.contenders import SECRET, SUBJECT, Options, Place, gateway
from benchmarks.descriptors import descriptor_set
from benchmarks.farm import CannedFarm
from benchmarks.load import Load
from benchmarks.measure import Figures, measure, started
from benchmarks.scenarios import Scenario, build_scenarios
from benchmarks.upstream import running_upstream
from benchmarks.wrk import find_wrk, load_with_wrk
from gateway.access.tokens import TokenRules
from gateway.discovery.files import OPENCUE_PACKAGE, read_package
from gateway_cli.tokens import mint_token

WAYS = ("none", "audit", "synced")
CONNECTIONS = (1, 32)
ROUNDS, SECONDS = 5, 1.0


def main() -> None:
    """Print a line for each way and number of connections."""
    above = sys.argv[1] if len(sys.argv) > 1 else None
    token = mint_token(SECRET.encode(), TokenRules(), SUBJECT, 3600)
    farm = CannedFarm(10)
    schema = read_package(OPENCUE_PACKAGE)
    pause = next(each for each in build_scenarios(farm) if each.name == "empty")
    answers = {call.message: call.answer for call in pause.calls}
    cores = sorted(os.sched_getaffinity(0))
    wrk = find_wrk()
    if wrk is None:
        sys.exit("wrk is needed (apt-get install wrk)")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=above)))
        descriptors = folder / "opencue.binpb"
        descriptors.write_bytes(descriptor_set(schema))
        upstream = stack.enter_context(running_upstream(answers, {cores[-1]}))
        place = Place(
            folder=folder,
            descriptors=descriptors,
            services=tuple(schema.services),
            upstream_port=upstream,
            core={cores[0]},
        )
        settings = {
            "none": {},
            "audit": {"AUDIT_LOG": str(folder / "audit.log")},
            "synced": {"AUDIT_LOG": str(folder / "synced.log"), "AUDIT_SYNC": "true"},
        }
        stack.callback(os.sched_setaffinity, 0, cores)
        os.sched_setaffinity(0, {cores[-1]})
        print(f"{'':8}{'at once':>9}{'CPU/request':>13}{'requests/s':>12}{'p50':>10}{'p99':>10}")
        running = []
        for way in WAYS:
            options = Options(settings=settings[way])
            (one,) = stack.enter_context(started([gateway], place, options, pause, token))
            running.append(replace(one, name=way))

        def load(one: object, scenario: Scenario, seconds: float) -> Load:
            port = next(each.port for each in running if each is one)
            url = f"http://127.0.0.1:{port}"
            return load_with_wrk(wrk, url, scenario, seconds, token, folder)

        for connections in CONNECTIONS:
            scenario = replace(pause, connections=connections)
            found = measure(running, scenario, load, rounds=ROUNDS, seconds=SECONDS)
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
