"""The examples of docs/examples.md and docs/specs.md are run, and print what stands there."""

import asyncio
import os
import re
import shutil
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.commands import tool
from tests.support.farms import running_farm, still_farm
from tests.support.javascript import node_with, program
from tests.support.patience import PATIENCE
from tests.support.servers import SECRET, Gateway, clean_environment, gateway_for, token

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


WATCH = (ROOT / "docs" / "watch.md").read_text(encoding="utf-8")
WATCHING = [Example(**found.groupdict()) for found in EXAMPLE.finditer(WATCH)]
FOUND = re.compile(r"^data: (.*PENDING.*)\n", re.MULTILINE)
NONCE = re.compile(r"^id: \w+-", re.MULTILINE)


@pytest.mark.parametrize("example", WATCHING, ids=lambda example: example.title)
async def test_what_is_watched_is_what_is_documented(tmp_path: Path, example: Example) -> None:
    """On a farm that goes on, where the job of the first example is killed once it is seen."""
    file = tmp_path / f"example.{ENDINGS[example.language]}"
    file.write_text(example.code, encoding="utf-8")
    shell = program("sh", "curl") if example.language == "sh" else program("node")
    async with (
        running_farm() as cuebot,
        gateway_for(cuebot.endpoint) as gateway,
        asyncio.timeout(PATIENCE),
    ):
        environ = clean_environment(GATEWAY_URL=gateway.url, TOKEN=token("my-script"))
        process = await create_subprocess_exec(shell, str(file), stdout=PIPE, env=environ)
        assert process.stdout is not None
        printed = ""
        while line := (await process.stdout.readline()).decode():
            printed += line
            if FOUND.match(line):
                job = {"job": "demo-sh010-lena_comp_v003"}
                assert (await gateway.post("/job.JobInterface/Kill", job)).status_code == 200
        assert await process.wait() == 0
    assert NONCE.sub("id: ", printed) == NONCE.sub("id: ", example.printed)


def test_watching_is_shown_in_two_languages() -> None:
    assert [example.language for example in WATCHING] == ["sh", "js"]


PROTOCOLS = (ROOT / "docs" / "protocols.md").read_text(encoding="utf-8")
ASKING = [Example(**found.groupdict()) for found in EXAMPLE.finditer(PROTOCOLS)]


@pytest.mark.parametrize("example", ASKING, ids=lambda example: example.title)
async def test_an_example_of_connect(gateway: Gateway, tmp_path: Path, example: Example) -> None:
    environ = {"GATEWAY_URL": gateway.url, "TOKEN": token("my-script")}
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


async def test_a_repeated_change(gateway: Gateway, tmp_path: Path) -> None:
    """The commands of docs/at-most-once.md."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    page = (ROOT / "docs" / "at-most-once.md").read_text(encoding="utf-8")
    ((code, shown),) = re.findall(
        r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL
    )
    environ = {"GATEWAY_URL": gateway.url, "TOKEN": token("lena"), "PATH": os.environ["PATH"]}
    _, printed = await tool("/bin/sh", "-c", code, folder=tmp_path, environ=environ)
    assert printed == shown
