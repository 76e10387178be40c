"""The gateway for long, under mixed load with a fault now and then: `python -m tests.chaos.soak`.

At rest, after a first while and in the end, its memory and its open descriptors are compared. Under
load, its memory must not go on growing. The exit status is 1 when the verdict is not good.
"""

import argparse
import asyncio
import itertools
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chaos.cuebot import CuebotProcess
from tests.chaos.faults import FAULTS
from tests.chaos.load import Load, load
from tests.chaos.memory import Memory
from tests.chaos.mixture import ALL
from tests.chaos.proxy import Fault, FaultProxy, fault_proxy
from tests.chaos.trial import Killed
from tests.support.patience import PATIENCE
from tests.support.processes import Instance, instance

JOBS = 400  # of the farm: a list of them takes some 300 KB
PAUSE = 0.02
FAULT_SECONDS = 3.0
TRACE = "Traceback"
REST_SECONDS = 8  # within this after the last call, all connections of clients are gone
WARM_UP = 0.2  # the share of the time that is over before memory is looked at first
MOST_THREADS = 2 + min(32, (os.cpu_count() or 1) + 4)
"""The main one, the compressor, and those of asyncio's default executor, which starts them as they
are needed."""
MAY_GROW_MB = 16.0
MAY_GROW_MB_A_MINUTE = 0.05
"""In the second half, when all that is remembered up to a bound has come to it."""
SETTINGS = {
    "DESCRIPTOR_SOURCE": "auto",  # reflection, again after each fault
    "GRPC_TIMEOUT": "2s",
    "LOG_LEVEL": "warning",
    "METRICS": "token",
    "RATE_LIMIT_RPS": "1000",
    "WORKERS": "1",
}
HEADS = ("minute", "fault", "calls", "right", "errors", "other", "wrong", "p99", "RSS", "files")
ROW = "{:>6}  {:<11}{:>7}{:>7}{:>8}{:>7}{:>7}{:>9}{:>10}{:>7}"


@dataclass(frozen=True)
class Usage:
    memory: float  # MB of resident memory
    descriptors: int
    threads: int


@dataclass
class Report:
    warm: Usage
    after: Usage
    calls: int
    right: int
    twice: int
    lost: int
    wrong: list[str]
    unexpected: list[str]  # lines of the log that tell of a bug
    memory: Memory  # under load

    @property
    def problems(self) -> list[str]:
        grown = self.after.memory - self.warm.memory
        growth = self.memory.growth
        found = [
            (grown > MAY_GROW_MB, f"memory has grown by {grown:.1f} MB"),
            ((growth or 0) > MAY_GROW_MB_A_MINUTE, f"memory grows by {growth} MB a minute"),
            (self.after.descriptors != self.warm.descriptors, "descriptors are not the same"),
            (self.after.threads > max(self.warm.threads, MOST_THREADS), "there are more threads"),
            (bool(self.wrong), f"{len(self.wrong)} wrong answers: {self.wrong[:3]}"),
            (bool(self.twice), f"{self.twice} changes were made twice"),
            (bool(self.lost), f"{self.lost} changes were not made"),
            (bool(self.unexpected), f"the log has errors: {self.unexpected[:3]}"),
            (not self.right, "no call was answered"),
        ]
        return [text for is_so, text in found if is_so]


@dataclass
class Soak:
    gateway: Instance
    cuebot: CuebotProcess
    proxy: FaultProxy
    every: float  # seconds from one fault to the next
    calls: int = 0
    right: int = 0

    def __post_init__(self) -> None:
        self.wrong: list[str] = []
        self.memory = Memory()
        self._made: list[str] = []
        self._faults = itertools.cycle([*FAULTS, "killed"])
        self._began = time.monotonic()

    async def run(self, seconds: float, before: Usage | None = None) -> Usage:
        """Put load on it for so long; then, at rest, what it takes.

        With what it took before, that is waited for: on a busy machine, a process that has planned
        for the gateway and idles ends later.
        """
        end = time.monotonic() + seconds
        async with load(self.gateway.port, JOBS, pause=PAUSE, others=ALL) as running:
            looking = asyncio.create_task(self._look_at_memory())
            while time.monotonic() + self.every <= end:
                await self._round(running, next(self._faults))
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
        return await self._rest(0 if before is None else before.descriptors)

    async def _look_at_memory(self) -> None:
        while True:
            now = time.monotonic() - self._began
            self.memory.note(now / 60, usage_of(self.gateway.process.pid).memory)
            await asyncio.sleep(1)

    async def _round(self, running: Load, name: str) -> None:
        """A fault, and then none until it is time for the next one."""
        fault: Callable[[], Fault] = FAULTS.get(name, partial(Killed, self.cuebot))
        async with asyncio.timeout(self.every * 2 + PATIENCE):
            await self.proxy.begin(fault())
            await asyncio.sleep(FAULT_SECONDS)
            await self.proxy.end()
        await asyncio.sleep(self.every - FAULT_SECONDS)
        tally = running.next_tally()
        usage = usage_of(self.gateway.process.pid)
        self.calls += tally.calls
        self.right += tally.right
        self.wrong += tally.wrong
        self._made += tally.made
        ordered = sorted(tally.latencies)
        p99 = ordered[len(ordered) * 99 // 100] * 1000 if ordered else 0.0
        minute = f"{(time.monotonic() - self._began) / 60:.1f}"
        calls = (tally.calls, tally.right, tally.errors.total(), tally.other, len(tally.wrong))
        took = (f"{p99:.0f} ms", f"{usage.memory:.1f} MB", usage.descriptors)
        print(ROW.format(minute, name, *calls, *took), flush=True)

    async def _rest(self, goal: int) -> Usage:
        seen: list[Usage] = []
        while len(seen) < REST_SECONDS or (
            goal and len(seen) < PATIENCE and min(each.descriptors for each in seen) > goal
        ):
            await asyncio.sleep(1)
            seen.append(usage_of(self.gateway.process.pid))
        return min(seen, key=lambda each: each.descriptors)

    def report(self, warm: Usage, after: Usage) -> Report:
        made = self.cuebot.made()
        return Report(
            warm=warm,
            after=after,
            calls=self.calls,
            right=self.right,
            twice=sum(number > 1 for number in made.values()),
            lost=sum(made[each] == 0 for each in self._made),
            wrong=self.wrong,
            unexpected=[
                each for each in self.gateway.lines if "unexpected error" in each or TRACE in each
            ],
            memory=self.memory,
        )


def usage_of(pid: int) -> Usage:
    process = Path(f"/proc/{pid}")
    status = dict(line.split(":", 1) for line in (process / "status").read_text().splitlines())
    return Usage(
        memory=int(status["VmRSS"].split()[0]) / 1024,
        descriptors=len(list((process / "fd").iterdir())),
        threads=int(status["Threads"]),
    )


@asynccontextmanager
async def place(folder: Path, every: float) -> AsyncIterator[Soak]:
    cuebot = CuebotProcess(folder / "journal", JOBS)
    await asyncio.to_thread(cuebot.start)
    try:
        async with fault_proxy(("127.0.0.1", cuebot.port)) as proxy:
            started = instance(proxy.endpoint, SETTINGS, started=False, ready=False)
            gateway = await asyncio.to_thread(started.__enter__)
            try:
                async with asyncio.timeout(PATIENCE):
                    while not await asyncio.to_thread(gateway.ready):  # noqa: ASYNC110 - a process
                        await asyncio.sleep(0.1)
                yield Soak(gateway, cuebot, proxy, every)
            finally:
                await asyncio.to_thread(started.__exit__, None, None, None)
    finally:
        cuebot.kill()


async def soak(folder: Path, seconds: float, every: float) -> Report:
    async with place(folder, every) as whole:
        print(ROW.format(*HEADS), flush=True)
        warm = await whole.run(seconds * WARM_UP)
        print(f"at rest: {warm}", flush=True)
        after = await whole.run(seconds * (1 - WARM_UP), warm)
        print(f"at rest: {after}", flush=True)
        return whole.report(warm, after)


@contextmanager
def beside(busy: int) -> Iterator[None]:
    """So many processes that do nothing but keep a core busy."""
    loops = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
    try:
        yield
    finally:
        for each in loops:
            each.kill()
            each.wait()


def main() -> int:
    arguments = argparse.ArgumentParser(prog="tests.chaos.soak")
    arguments.add_argument("--minutes", type=float, default=30)
    arguments.add_argument("--every", type=float, default=30, help="seconds between faults")
    arguments.add_argument("--busy", type=int, default=0, help="processes that do nothing but work")
    arguments.add_argument("--csv", type=Path, help="where to write the memory by the minute")
    given = arguments.parse_args()
    with TemporaryDirectory() as folder, beside(given.busy):
        report = asyncio.run(soak(Path(folder), given.minutes * 60, given.every))
    if given.csv is not None:
        report.memory.write(given.csv)
    grown = report.after.memory - report.warm.memory
    print(
        f"\n{report.calls:,} calls, {report.right:,} of them answered rightly,"
        f" {len(report.wrong)} wrong, {report.twice} changes made twice, {report.lost} lost;"
        f" memory {grown:+.1f} MB, descriptors {report.warm.descriptors} before and"
        f" {report.after.descriptors} after"
    )
    if report.memory.growth is not None:
        print(f"memory in the second half: {report.memory.growth:+.3f} MB a minute")
    print("\n".join(f"NOT GOOD: {problem}" for problem in report.problems) or "good")
    return int(bool(report.problems))


if __name__ == "__main__":
    sys.exit(main())
