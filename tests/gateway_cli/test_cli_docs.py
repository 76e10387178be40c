"""The examples in docs/call.md and docs/tools.md print what the pages show."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE
from tests.support.servers import SECRET, clean_environment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PROGRAM = Path(sys.executable).parent
DEMO_ENDPOINT = "127.0.0.1:8443"
"""The endpoint in the pages."""
SPECIAL = (
    *("--watch", "export ", "| jq", "EXCLUDE_SERVICES"),
    *("Show/GetShows\n", "frameinterface/get\n"),  # through the exported gateway; on a terminal
    "cuebot-gateway batch",  # needs a gateway; tests/gateway_cli/test_batch.py has one
    "compare --other",  # needs two gateways; tests/gateway_cli/test_compare.py has them
)
"""Examples with one of these need more than a Cuebot with reflection, and are skipped."""


def examples(page: str) -> Iterator[tuple[str, list[str]]]:
    """The commands in a page's `console` blocks, with the lines they print."""
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = example.partition("\n")
            if not any(word in f"{command}\n" for word in SPECIAL):
                yield command, printed.splitlines()


def stable(line: str) -> str:
    """The line without what changes in a live farm: numbers, and the width of columns."""
    return " ".join(re.sub(r"\b\d+\b", "0", line).split())


def printed_by(command: str, folder: Path, endpoint: str) -> list[str]:
    """What a shell command prints on standard output and standard error."""
    done = subprocess.run(  # noqa: S603 - the commands are those of our own pages
        ["/bin/sh", "-c", command],
        cwd=folder,
        env=clean_environment(
            PATH=f"{PROGRAM}:/usr/bin:/bin", CUEBOT_ENDPOINT=endpoint, JWT_SECRET=SECRET
        ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return done.stdout.replace(endpoint, DEMO_ENDPOINT).splitlines()


@pytest.mark.parametrize(("page", "least"), [("call.md", 7), ("tools.md", 10)])
def test_examples_print_what_they_say(
    page: str, least: int, tmp_path: Path, cuebot_process: str
) -> None:
    shown = list(examples(page))
    assert len(shown) >= least
    for command, lines in shown:
        came = iter(list(map(stable, printed_by(command, tmp_path, cuebot_process))))
        missing = [line for line in lines if "…" not in line and stable(line) not in came]
        assert not missing, command
