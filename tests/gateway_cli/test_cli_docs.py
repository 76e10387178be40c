"""The examples in docs/call.md and docs/tools.md print what the pages show."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cuebot_simulator.server import SimulatedCuebot
from tests.support.servers import SECRET
from tests.support.shell import in_shell

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
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
    """The line without what changes in a live farm: the width of columns, and numbers of what is
    not in the schema.
    """
    return " ".join(re.sub(r"\b\d+\b(?! (of|methods|services|paths)\b)", "0", line).split())


@pytest.mark.parametrize(("page", "least"), [("call.md", 7), ("tools.md", 10)])
async def test_examples_print_what_they_say(
    page: str, least: int, tmp_path: Path, simulated_cuebot: SimulatedCuebot
) -> None:
    """On a farm that stands still: jobs of one that lives end while a busy machine answers."""
    endpoint = simulated_cuebot.endpoint
    environ = {"CUEBOT_ENDPOINT": endpoint, "JWT_SECRET": SECRET}
    shown = list(examples(page))
    assert len(shown) >= least
    for command, lines in shown:
        _, printed = await in_shell(command, tmp_path, **environ)
        came = map(stable, printed.replace(endpoint, DEMO_ENDPOINT).splitlines())
        missing = [line for line in lines if "…" not in line and stable(line) not in came]
        assert not missing, command
