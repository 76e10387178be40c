"""The examples of docs/examples.md and docs/specs.md are run, and print what stands there."""

import asyncio
import re
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
from tests.support.servers import SECRET, Gateway, clean_environment, gateway_for
from tests.support.shell import asking, in_shell

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


def shown_in(page: str) -> list[Example]:
    file = ROOT / "docs" / page
    if not file.exists():  # it has gone with its feature
        return []
    text = file.read_text(encoding="utf-8")
    return [Example(**found.groupdict()) for found in EXAMPLE.finditer(text)]


EXAMPLES, WATCHING, ASKING = map(shown_in, ("examples.md", "watch.md", "connect.md"))
FOUND = re.compile(r"^data: (.*PENDING.*)\n", re.MULTILINE)
NONCE = re.compile(r"^id: \w+-", re.MULTILINE)


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
    assert [example.language for example in WATCHING] == ["sh", "sh", "js"]
    assert [example.language for example in ASKING] == ["sh", "sh"]


@pytest.mark.parametrize("example", [*EXAMPLES, *ASKING], ids=lambda example: example.title)
async def test_an_example_prints_what_is_documented(
    gateway: Gateway, tmp_path: Path, example: Example
) -> None:
    environ = asking(gateway, "my-script") | {"JWT_SECRET": SECRET}
    _, printed = await tool(*command(example, tmp_path), folder=tmp_path, environ=environ)
    assert printed == example.printed


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
        environ = clean_environment(**asking(gateway, "my-script"))
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


SPECS = (ROOT / "docs" / "specs.md").read_text(encoding="utf-8")


async def test_the_way_to_a_launched_job(gateway: Gateway, tmp_path: Path) -> None:
    """The lines of docs/specs.md, one after the other; `…` stands for whatever is there."""
    (spec,) = re.findall(r"^```xml\n(.*?)^```", SPECS, re.MULTILINE | re.DOTALL)
    (tmp_path / "job.xml").write_text(spec, encoding="utf-8")
    steps = re.findall(r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```", SPECS, re.MULTILINE | re.DOTALL)
    assert len(steps) == SPECS.count("```sh\n") == 5
    for code, shown in steps:
        _, printed = await in_shell(code, tmp_path, **asking(gateway))
        pattern = ".*".join(map(re.escape, shown.split("…")))
        assert re.fullmatch(pattern, printed.replace("\r\n", "\n")), printed


@pytest.mark.parametrize("number", [0, 1], ids=["before", "after"])
async def test_the_task_of_the_readme(gateway: Gateway, tmp_path: Path, number: int) -> None:
    """What the README does in two ways is done in both."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    ways = re.findall(r"^```sh\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert len(ways) == 2
    environ = asking(gateway) | {"XDG_CACHE_HOME": str(tmp_path)}
    status, printed = await in_shell(ways[number], tmp_path, **environ)
    assert (status, printed.strip()) == (
        0,
        ["{}", "cuectl: retry: 3 DEAD frames of harbor-hb110-tomas_light_v004"][number],
    )


async def test_a_repeated_change(gateway: Gateway, tmp_path: Path) -> None:
    """The commands of docs/at-most-once.md."""
    page = (ROOT / "docs" / "at-most-once.md").read_text(encoding="utf-8")
    ((code, shown),) = re.findall(
        r"^```sh\n(.*?)^```\n\n```text\n(.*?)^```", page, re.MULTILINE | re.DOTALL
    )
    _, printed = await in_shell(code, tmp_path, **asking(gateway))
    assert printed == shown
