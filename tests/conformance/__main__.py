"""`make conformance`: builds connectrpc's suite (with Go) and runs it against the gateway.

`--all` also tells how each case that is known to fail does. The exit status is 1 when a case fails
that is not in known-failing.txt, or one that is passes; 0 without Go, which standard error says.
"""

import argparse
import asyncio
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from gateway.core.logs import configure_logging
from tests.conformance.build import Built, build, find_go
from tests.conformance.server import server_under_test

HERE = Path(__file__).parent
CONFIG, KNOWN_FAILING = HERE / "config.yaml", HERE / "known-failing.txt"
OWN_CASES = (HERE / "without-metadata.yaml", HERE / "without-metadata-get.yaml")
KNOWN = "INFO: "
"""How the suite begins to tell of a case that had to fail; other lines of it are indented."""


def main() -> int:
    arguments = argparse.ArgumentParser(prog="tests.conformance", description=__doc__)
    arguments.add_argument("--all", action="store_true", help="tell how known failures fail")
    given = arguments.parse_args()
    go = find_go()
    if go is None:
        print("conformance: there is no Go here, so the suite has NOT been run", file=sys.stderr)
        return 0
    configure_logging("error", "console")
    return int(not asyncio.run(run(build(go), tell_all=given.all)))


async def run(built: Built, *, tell_all: bool) -> bool:
    """Whether all cases do what is expected of them."""
    parts = {
        "the suite": [f"--known-failing=@{KNOWN_FAILING}"],
        "own cases": [f"--test-file={file}" for file in OWN_CASES],
    }
    good = True
    async with server_under_test(built) as server:
        for title, options in parts.items():
            status, lines = await ask(built, options, server)
            told = lines if tell_all else without_known(lines)
            print(f"conformance, {title}:", *told, sep="\n", flush=True)
            good = good and status == 0
    return good


async def ask(
    built: Built, options: Sequence[str], server: Sequence[str]
) -> tuple[int | None, list[str]]:
    """The exit status of the suite's program, and what it says."""
    command = [str(built.suite), "--mode=server", "--parallel=2", f"--conf={CONFIG}"]
    process = await asyncio.create_subprocess_exec(
        *command, *options, "--", *server, stdout=PIPE, stderr=STDOUT
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode().splitlines()


def without_known(lines: Iterable[str]) -> Iterator[str]:
    """What the suite says, without the cases that fail as they are known to."""
    skipping = False
    for line in lines:
        skipping = line.startswith(KNOWN) or (skipping and line.startswith("\t"))
        if not skipping and line:
            yield line


if __name__ == "__main__":
    sys.exit(main())
