"""The examples of docs/batch.md are run as they stand there, and print what it shows."""

import re
import sys
from pathlib import Path

import pytest

from tests.support.commands import tool
from tests.support.farms import running_farm, still_farm
from tests.support.needs import needs
from tests.support.servers import gateway_for
from tests.support.shell import asking, in_shell

pytestmark = [needs("batch"), pytest.mark.anyio, pytest.mark.slow]

PAGE = (Path(__file__).parent.parent / "docs" / "batch.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(
    r"^```(sh|python)\n(.*?)^```\n\n```text\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
)


@pytest.mark.parametrize(("language", "code", "printed"), EXAMPLES, ids=["curl", "Python"])
async def test_an_example_prints_what_is_shown(
    language: str, code: str, printed: str, tmp_path: Path
) -> None:
    async with running_farm(still_farm()) as cuebot, gateway_for(cuebot.endpoint) as gateway:
        environ = asking(gateway)
        if language == "sh":
            _, found = await in_shell(code, tmp_path, **environ)
        else:
            _, found = await tool(sys.executable, "-c", code, folder=tmp_path, environ=environ)
    assert found == printed
