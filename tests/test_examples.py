"""The examples of docs/examples.md and docs/specs.md are run, and print what stands there."""

import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import tool
from tests.support.farms import running_farm, still_farm
from tests.support.javascript import node_with, program
from tests.support.servers import SECRET, Gateway, gateway_for, token

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

ROOT = Path(__file__).parent.parent
ENDINGS = {"sh": "sh", "python": "py", "js": "mjs"}
EXAMPLE = re.compile(
    r"^## (?P<title>.+?)$(?:(?!^##).)*?"
    r"^```(?P<language>sh|python|js)\n(?P<code>.*?)^```\n\n```text\n(?P<printed>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Example:
    title: str
    language: str
    code: str
    printed: str


EXAMPLES = [
    Example(**found.groupdict())
    for found in EXAMPLE.finditer((ROOT / "docs" / "examples.md").read_text(encoding="utf-8"))
]


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with running_farm(still_farm()) as cuebot, gateway_for(cuebot.endpoint) as gateway:
        yield gateway


def command(example: Example, folder: Path) -> list[str]:
    file = folder / f"example.{ENDINGS[example.language]}"
    file.write_text(example.code, encoding="utf-8")
    if example.language == "python":
        return [sys.executable, str(file)]
    if example.language == "sh":
        return [program("sh", "curl", "jq"), str(file)]
    return [node_with(folder, "jsonwebtoken"), str(file)]


def test_there_are_examples() -> None:
    assert [example.language for example in EXAMPLES] == ["sh", "python", "python", "js"]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
async def test_an_example_prints_what_is_documented(
    gateway: Gateway, tmp_path: Path, example: Example
) -> None:
    environ = {"GATEWAY_URL": gateway.url, "JWT_SECRET": SECRET, "TOKEN": token("my-script")}
    _, printed = await tool(*command(example, tmp_path), folder=tmp_path, environ=environ)
    assert printed == example.printed


SPECS = (ROOT / "docs" / "specs.md").read_text(encoding="utf-8")


async def test_the_way_to_a_launched_job(gateway: Gateway, tmp_path: Path) -> None:
    """The lines of docs/specs.md, one after the other; `…` stands for whatever is there."""
    if shutil.which("jq") is None or shutil.which("curl") is None:
        pytest.skip("jq or curl is not installed")
    (spec,) = re.findall(r"^```xml\n(.*?)^```", SPECS, re.MULTILINE | re.DOTALL)
    (tmp_path / "job.xml").write_text(spec, encoding="utf-8")
    steps = re.findall(r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```", SPECS, re.MULTILINE | re.DOTALL)
    assert len(steps) == SPECS.count("```sh\n") == 5
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {"GATEWAY_URL": gateway.url, "TOKEN": token("lena"), "PATH": path}
    for code, shown in steps:
        _, printed = await tool("/bin/sh", "-c", code, folder=tmp_path, environ=environ)
        pattern = ".*".join(map(re.escape, shown.split("…")))
        assert re.fullmatch(pattern, printed.replace("\r\n", "\n")), printed


@pytest.mark.parametrize("number", [0, 1], ids=["before", "after"])
async def test_the_task_of_the_readme(gateway: Gateway, tmp_path: Path, number: int) -> None:
    """What the README does in two ways is done in both."""
    if shutil.which("jq") is None or shutil.which("curl") is None:
        pytest.skip("jq or curl is not installed")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    ways = re.findall(r"^```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert len(ways) == 2
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {"GATEWAY_URL": gateway.url, "TOKEN": token("lena"), "PATH": path}
    environ["XDG_CACHE_HOME"] = str(tmp_path)
    status, printed = await tool("/bin/sh", "-c", ways[number], folder=tmp_path, environ=environ)
    assert (status, printed.strip()) == (0, ["{}", ""][number])
