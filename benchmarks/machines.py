"""`python -m benchmarks.machines`: what a request costs when several gateways share the load.

haproxy stands in front and distributes requests, as it would over machines. All gateways are on one
core, so this is not what they serve together. It shows whether a request costs a gateway more when
there are others, which is what would keep N machines from serving N times as much.
"""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from shutil import which

from benchmarks.contenders import Place, Running, free_port, gateway
from benchmarks.farm import CannedFarm
from benchmarks.measure import one_round
from benchmarks.process import running
from benchmarks.run import OTHER_CORES, Bench, prepared
from benchmarks.scenarios import Scenario, build_scenarios, jobs_needed
from benchmarks.survival import ready
from benchmarks.verify import verify, wait_until_listening

GATEWAYS = (1, 2, 4)
NAMES = ("shows3", "jobs100")
ROUNDS = 5
SECONDS = 2.0
PATHS = (os.environ.get("PATH", ""), "/usr/sbin")

CONFIG = """
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend clients
    bind 127.0.0.1:{port}
    default_backend gateways
backend gateways
    balance leastconn
{servers}
"""


def main() -> None:
    """Print a line for each number of gateways."""
    program = which("haproxy", path=os.pathsep.join(PATHS))
    if program is None:
        sys.exit("machines: there is no haproxy here (apt-get install haproxy)")
    os.sched_setaffinity(0, OTHER_CORES)
    farm = CannedFarm(jobs_needed(NAMES, needs_all=False))
    for scenario in (each for each in build_scenarios(farm) if each.name in NAMES):
        with prepared([scenario], ROUNDS, SECONDS) as bench, ExitStack() as stack:
            groups = [
                stack.enter_context(group(bench, scenario, count, program)) for count in GATEWAYS
            ]
            rounds = [[each.load(bench, scenario) for each in groups] for _ in range(ROUNDS)]
        for number, count in enumerate(GATEWAYS):
            gateways, balancer = min(one[number] for one in rounds)
            print(
                f"{scenario.title}, gateways: {count}; {gateways:.1f} µs of CPU for each request,"
                f" haproxy {balancer:.1f} µs",
                flush=True,
            )


@dataclass(frozen=True, slots=True)
class Group:
    """Some gateways, and haproxy in front of them."""

    gateways: Sequence[Running]
    balancer: Running

    def load(self, bench: Bench, scenario: Scenario) -> tuple[float, float]:
        """CPU for each request (µs) in one round: of the gateways together, and of haproxy."""
        before = self.cpu_seconds()
        done = one_round(self.balancer, scenario, bench.loader, SECONDS)
        return (self.cpu_seconds() - before) / done.load.requests * 1e6, done.cpu_us

    def cpu_seconds(self) -> float:
        """What the gateways have used so far."""
        return sum(each.child.cpu_seconds() for each in self.gateways)


@contextmanager
def group(bench: Bench, scenario: Scenario, count: int, program: str) -> Iterator[Group]:
    """So many gateways, which have answered rightly and are warm."""
    with ExitStack() as stack:
        gateways = [stack.enter_context(ready(bench, gateway, scenario)) for _ in range(count)]
        balancer = stack.enter_context(haproxy(bench.place, gateways, program))
        wait_until_listening(balancer)
        verify(scenario, [balancer], bench.token)
        bench.loader(balancer, scenario, SECONDS)
        yield Group(gateways, balancer)


@contextmanager
def haproxy(place: Place, gateways: Sequence[Running], program: str) -> Iterator[Running]:
    """haproxy in front of these gateways, on the cores of the load."""
    port = free_port()
    servers = "\n".join(f"    server {each.port} 127.0.0.1:{each.port}" for each in gateways)
    config = place.folder / f"haproxy-{port}.cfg"
    config.write_text(CONFIG.format(port=port, servers=servers), encoding="utf-8")
    command = [program, "-f", str(config)]
    with running(command, {}, OTHER_CORES, place.folder / f"haproxy-{port}.log") as child:
        yield Running("haproxy", port, child)


if __name__ == "__main__":
    main()
