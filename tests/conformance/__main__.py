"""`make conformance`: builds connectrpc's suite (with Go) and runs it against the gateway.

`--all` also tells how each case that is known to fail does. The exit status is 1 when a case fails
that is not in known-failing.txt, or one that is passes; 0 without Go, which standard error says.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.conformance.build import Built, build, find_go

HERE = Path(__file__).parent
CONFIG = HERE / "config.yaml"
KNOWN_FAILING = HERE / "known-failing.txt"
OWN_CASES = ("without-metadata.yaml", "without-metadata-get.yaml")
EXPECTED = "INFO: "
"""How the suite begins to tell of a case that had to fail; other lines of it are indented."""


def main() -> int:
    arguments = argparse.ArgumentParser(prog="tests.conformance", description=__doc__)
    arguments.add_argument("--all", action="store_true", help="tell how known failures fail")
    given = arguments.parse_args()
    go = find_go()
    if go is None:
        print("conformance: there is no Go here, so the suite has NOT been run", file=sys.stderr)
        return 0
    built = build(go)
    own = [f"--test-file={HERE / name}" for name in OWN_CASES]
    good = [
        run(built, [f"--known-failing=@{KNOWN_FAILING}"], "the suite", tell_all=given.all),
        run(built, own, "own cases", tell_all=given.all),
    ]
    return int(not all(good))


def run(built: Built, options: list[str], title: str, *, tell_all: bool) -> bool:
    """Whether all cases do what is expected of them."""
    server = (sys.executable, "-m", "tests.conformance.server")
    ran = subprocess.run(  # noqa: S603 - it is what has been built
        [built.suite, "--mode=server", f"--conf={CONFIG}", *options, "--", *server],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=HERE.parents[1],
    )
    lines = ran.stdout.splitlines()
    print(
        f"conformance, {title}:", *(lines if tell_all else unexpected(lines)), sep="\n", flush=True
    )
    return ran.returncode == 0


def unexpected(lines: list[str]) -> Iterator[str]:
    """What the suite says without the cases that fail as they are known to."""
    skipping = False
    for line in lines:
        skipping = line.startswith(EXPECTED) or (skipping and line.startswith("\t"))
        if not skipping and line:
            yield line


if __name__ == "__main__":
    sys.exit(main())
