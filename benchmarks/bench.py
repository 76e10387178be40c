"""What measurements share: an upstream, a folder, a token, and a tool that makes the load."""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.client import load_with_client
from benchmarks.contenders import (
    SECRET,
    SUBJECT,
    Contender,
    Options,
    Place,
    Running,
    envoy,
    find_envoy,
    floor,
    gateway,
)
from benchmarks.envoy import descriptor_set
from benchmarks.load import Load
from benchmarks.measure import Loader, Outcome, measure, started
from benchmarks.scenarios import Scenario
from benchmarks.upstream import CannedServer, running_server
from benchmarks.verify import wait_until_answering, wait_until_listening
from benchmarks.wrk import find_wrk, load_with_wrk
from gateway.core.discovery.files import OPENCUE_PACKAGE, read_package
from gateway.features.tokens.minting import mint_token
from gateway.features.tokens.tokens import TokenRules

CORES = sorted(os.sched_getaffinity(0))
GATEWAY_CORE, OTHER_CORES = {CORES[0]}, {CORES[-1]}
TOKEN_SECONDS = 24 * 3600
NO_OPTIONS = Options()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What is the same for every scenario."""

    place: Place
    token: str
    loader: Loader
    rounds: int
    seconds: float
    envoy: bool

    def run(self, scenario: Scenario, options: Options, *, with_floor: bool = False) -> Outcome:
        """Run one scenario, and report it on the terminal when it is done."""
        contenders: list[Contender] = [gateway]
        contenders += [envoy] if self.envoy else []
        contenders += [floor] if with_floor else []
        with started(contenders, self.place, options, scenario, self.token) as running:
            outcome = measure(
                running, scenario, self.loader, rounds=self.rounds, seconds=self.seconds
            )
        costs = ", ".join(f"{name} {one.cpu_us:.1f} µs" for name, one in outcome.figures.items())
        ratio = "" if outcome.ratio is None else f"; ratio {outcome.ratio:.2f}"
        say(f"  {scenario.title}, {scenario.connections} connections: {costs}{ratio}")
        return outcome


def prepared(
    scenarios: Sequence[Scenario], rounds: int, seconds: float
) -> AbstractContextManager[Bench]:
    """The running upstream, and a folder for everything written during the run."""
    answers = {call.message: call.answer for each in scenarios for call in each.calls}
    return prepared_before(partial(CannedServer, answers), rounds, seconds)


@contextmanager
def prepared_before(
    upstream: Callable[[], CannedServer], rounds: int, seconds: float, above: str | None = None
) -> Iterator[Bench]:
    """The same, with connections to the upstream as they are made here, and the folder `above`."""
    schema = read_package(OPENCUE_PACKAGE)
    token = token_of(SUBJECT)
    with (
        tempfile.TemporaryDirectory(prefix="cuebot-gateway-bench-", dir=above) as name,
        running_server(upstream, OTHER_CORES) as upstream_port,
    ):
        folder = Path(name)
        descriptors = folder / "opencue.binpb"
        descriptors.write_bytes(descriptor_set(schema))
        yield Bench(
            place=Place(
                folder=folder,
                descriptors=descriptors,
                services=tuple(sorted(schema.services)),
                upstream_port=upstream_port,
                core=GATEWAY_CORE,
            ),
            token=token,
            loader=choose_loader(token, folder),
            rounds=rounds,
            seconds=seconds,
            envoy=find_envoy() is not None,
        )


def choose_loader(token: str, folder: Path) -> Loader:
    """wrk if it is installed, except for requests that have to be counted."""
    wrk = find_wrk()

    def load(contender: Running, scenario: Scenario, seconds: float) -> Load:
        if wrk is None or scenario.counted is not None:
            return load_with_client(contender.port, scenario, seconds, token)
        return load_with_wrk(wrk, contender.url, scenario, seconds, token, folder)

    return load


@contextmanager
def ready(
    bench: Bench, contender: Contender, scenario: Scenario, options: Options = NO_OPTIONS
) -> Iterator[Running]:
    """A contender that answers."""
    with contender(bench.place, options) as running:
        wait_until_listening(running)
        wait_until_answering(running, scenario.calls[0], bench.token)
        yield running


def token_of(subject: str) -> str:
    return mint_token(SECRET.encode(), TokenRules(), subject, TOKEN_SECONDS)


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)
