"""`python -m benchmarks.spy shows3`: where the gateway's time goes in a scenario, by py-spy.

Of the time in which Python runs (with the GIL): by the innermost Python frame, which also has the
time of the C code that it calls, and by the package of that.
"""

import argparse
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bench import OTHER_CORES, prepared
from benchmarks.contenders import Options, Running, gateway
from benchmarks.farm import CannedFarm
from benchmarks.measure import started
from benchmarks.scenarios import build_scenarios, jobs_needed

SECONDS = 8
SHOWN = 30
RATE = 400
"""Samples a second."""
FRAME = re.compile(r"(?P<function>.*) \((?P<file>.*?)(:\d+)?\)")


def main() -> None:
    """Load the gateway and watch it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spy", description=__doc__)
    parser.add_argument("scenario")
    name = parser.parse_args().scenario
    farm = CannedFarm(jobs_needed([name], needs_all=False))
    scenario = next(each for each in build_scenarios(farm) if each.name == name)
    os.sched_setaffinity(0, OTHER_CORES)
    with (
        prepared([scenario], 1, SECONDS) as bench,
        started([gateway], bench.place, Options(), scenario, bench.token) as (running,),
    ):
        bench.loader(running, scenario, 1)
        stacks = bench.place.folder / "stacks.txt"
        with spying(running, stacks) as spy:
            bench.loader(running, scenario, SECONDS + 2)
            spy.wait()
        print_profile(Counter(dict(read_stacks(stacks))))


def spying(running: Running, stacks: Path) -> "subprocess.Popen[bytes]":
    """py-spy, at work on the gateway for SECONDS."""
    command = [str(Path(sys.executable).parent / "py-spy"), "record", "--gil", "--format", "raw"]
    command += ["--rate", str(RATE), "--duration", str(SECONDS), "--output", str(stacks)]
    command += ["--pid", str(running.child.process.pid)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # noqa: S603


def read_stacks(path: Path) -> Iterator[tuple[str, int]]:
    """Stacks (frames from the outermost, with `;` between), and how often each was seen."""
    for line in path.read_text().splitlines():
        stack, _, count = line.rpartition(" ")
        yield stack, int(count)


def print_profile(stacks: Counter[str]) -> None:
    """The shares of packages and of single functions."""
    total = stacks.total()
    packages: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for stack, count in stacks.items():
        frames = stack.split(";")
        packages[package_of(frames)] += count
        functions[frames[-1]] += count
    for title, shares in (("package", packages), ("function", functions)):
        print(f"\nby {title}:")
        for name, count in shares.most_common(SHOWN):
            print(f"{count / total:6.1%}  {name}")


def package_of(frames: list[str]) -> str:
    """The package or library of the innermost frame that belongs to one."""
    for frame in reversed(frames):
        match = FRAME.fullmatch(frame)
        file = match["file"] if match else ""
        if "gateway/" in file:
            return "gateway: " + file.rpartition("gateway/")[2]
        for name in ("uvicorn", "starlette", "uvloop", "orjson", "google", "grpc"):
            if name in file:
                return name
        if file.startswith("asyncio/"):
            return "asyncio"
    return "other"


if __name__ == "__main__":
    main()
