"""Look for inputs that break a target: `python -m tests.fuzz [--seconds 120] [TARGET …]`.

One target after the other, in a process of its own. What breaks one is put into `corpus/` under a
name that begins with one of FINDS; then the exit status is 1.
Inputs that only lead further stay in `.fuzz/`, from which the next run goes on.
"""

import argparse
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.targets import AT_RANDOM, CORPUS, LARGEST, TARGETS

WORKING = Path(".fuzz")
FINDS = ("crash-", "timeout-", "oom-", "slow-unit-")
INPUT_SECONDS = 10  # one input that takes longer is a find
MEMORY_MB = 2048
STATUS = re.compile(r"#(\d+)\s.*?cov: (\d+).*?corp: (\d+)")
EXECUTED = re.compile(r"number_of_executed_units: (\d+)")


@dataclass
class Result:
    name: str
    seconds: float = 0.0
    inputs: int = 0
    coverage: int = 0  # branches and the like that inputs have reached, as libFuzzer counts
    corpus: int = 0
    found: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)  # the last lines of the process
    status: int = 0


def main() -> int:
    arguments = argparse.ArgumentParser(prog="tests.fuzz")
    arguments.add_argument("--seconds", type=int, default=120, help="for each target")
    arguments.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    given = arguments.parse_args()
    names = given.targets or list(TARGETS)
    if unknown := [name for name in names if name not in TARGETS]:
        arguments.error(f"no target is called {unknown[0]}; there are {', '.join(TARGETS)}")
    results = []
    for number, name in enumerate(names, 1):
        title = f"[{number}/{len(names)}] {TARGETS[name]}"
        results.append(run(name, given.seconds, title))
    print(f"\n{'target':<12} {'time':>8} {'inputs':>11} {'coverage':>9} {'corpus':>7} {'finds':>6}")
    for each in results:
        print(
            f"{each.name:<12} {each.seconds:>8.0f} {each.inputs:>11,} {each.coverage:>9,}"
            f" {each.corpus:>7,} {len(each.found):>6}"
        )
    bad = [each for each in results if each.status]
    for each in bad:
        print(f"\n{each.name}: {', '.join(each.found) or 'it ended'}", *each.words, sep="\n  ")
    total = sum(each.inputs for each in results)
    print(f"\n{total:,} inputs, {sum(len(each.found) for each in results)} finds")
    return int(bool(bad))


def run(name: str, seconds: int, title: str) -> Result:
    working, known = WORKING / name, CORPUS / name
    working.mkdir(parents=True, exist_ok=True)
    before = set(known.iterdir())
    result, began = Result(name), time.monotonic()
    flags = [
        f"-max_total_time={seconds}",
        f"-max_len={LARGEST}",
        f"-timeout={INPUT_SECONDS}",
        f"-rss_limit_mb={MEMORY_MB}",
        f"-artifact_prefix={known}/",
        "-print_final_stats=1",
    ]
    search = "tests.fuzz.costly" if name in AT_RANDOM else "tests.fuzz.guided"
    command = [sys.executable, "-m", search, name, *flags, str(working), str(known)]
    with subprocess.Popen(  # noqa: S603 - it is our own command
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        for line in follow(process.stdout, result):
            if sys.stdout.isatty():
                print(f"\r{title}: {line}", end="\x1b[K", flush=True)
    result.status, result.seconds = process.wait(), time.monotonic() - began
    new = sorted(path.name for path in set(known.iterdir()) - before)
    result.found = [each for each in new if each.startswith(FINDS)]
    clear = "\r\x1b[K" if sys.stdout.isatty() else ""
    print(f"{clear}{title}: {result.inputs:,} inputs, {len(result.found)} finds", flush=True)
    return result


def follow(lines: Iterator[str], result: Result) -> Iterator[str]:
    """Read what libFuzzer says into the result, and tell how far it is."""
    for line in lines:
        if status := STATUS.match(line):
            result.inputs, result.coverage, result.corpus = map(int, status.groups())
            yield f"{result.inputs:,} inputs, coverage {result.coverage:,}"
        elif executed := EXECUTED.search(line):
            result.inputs = int(executed[1])
        elif line.strip():
            result.words = [*result.words, line.rstrip()][-30:]


if __name__ == "__main__":
    sys.exit(main())
