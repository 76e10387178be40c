"""The programs of docs/protocol-clients.md are run, and print what stands there."""

import json
import re
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway_cli.commands.snapshot import file_set
from tests.conformance.build import find_go
from tests.support.commands import tool
from tests.support.farms import running_farm, still_farm
from tests.support.javascript import node_with, program
from tests.support.opencue import opencue
from tests.support.servers import Gateway, gateway_for, token

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PAGE = Path(__file__).parents[2] / "docs" / "protocol-clients.md"
PROGRAM = re.compile(
    r"^## (?P<title>.+?)$(?:(?!^##).)*?"
    r"(?:^```sh\n(?P<before>.*?)^```\n\n)?"
    r"^```(?P<language>ts|js|python|go)\n(?P<code>.*?)^```\n\n```text\n(?P<printed>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
CLIENT = ("@bufbuild/protobuf", "@connectrpc/connect", "@connectrpc/connect-web")
GENERATOR = ("@bufbuild/buf", "@bufbuild/protoc-gen-es", "@types/node", "typescript")
GO_MODULE = "connectrpc.com/connect/v2@v2.0.2"


@dataclass(frozen=True)
class Program:
    title: str
    before: str | None
    """What is run in a shell before it."""
    language: str
    code: str
    printed: str


PROGRAMS = {
    found["title"]: Program(**found.groupdict())
    for found in PROGRAM.finditer(PAGE.read_text(encoding="utf-8"))
}


@pytest.fixture
async def gateway() -> AsyncIterator[Gateway]:
    async with running_farm(still_farm()) as cuebot, gateway_for(cuebot.endpoint) as gateway:
        yield gateway


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a snapshot and a module's package.json, as programs of the page expect it."""
    (tmp_path / "cuebot.binpb").write_bytes(file_set(opencue()))
    (tmp_path / "package.json").write_text('{"type": "module"}', encoding="utf-8")
    return tmp_path


async def done(folder: Path, *command: str, **environ: str) -> str:
    """What another program prints, which has to succeed."""
    status, printed = await tool(*command, folder=folder, environ=environ)
    assert status == 0, printed
    return printed


async def printed_by(gateway: Gateway, folder: Path, *command: str) -> str:
    return await done(folder, *command, GATEWAY_URL=gateway.url, TOKEN=token())


def test_the_page_has_a_program_for_each() -> None:
    assert [(each.language, bool(each.before)) for each in PROGRAMS.values()] == [
        ("ts", True),
        ("js", False),
        ("js", False),
        ("python", False),
        ("go", False),
    ]


async def test_typescript(gateway: Gateway, folder: Path) -> None:
    shown = PROGRAMS["TypeScript"]
    node = node_with(folder, *CLIENT, *GENERATOR)
    shell = program("sh", "npx")
    assert shown.before is not None
    await done(folder, shell, "-c", shown.before)
    (folder / "client.ts").write_text(shown.code, encoding="utf-8")
    options = {
        "strict": True,
        "module": "nodenext",
        "target": "es2022",
        "lib": ["es2022", "dom", "dom.iterable"],
        "types": ["node"],
        "skipLibCheck": True,
    }
    project = json.dumps({"compilerOptions": options, "files": ["client.ts"]})
    (folder / "tsconfig.json").write_text(project, encoding="utf-8")
    await done(folder, node, "node_modules/typescript/bin/tsc")
    assert await printed_by(gateway, folder, node, "client.js") == shown.printed


@pytest.mark.parametrize(
    ("title", "packages"),
    [("JavaScript without a build", CLIENT), ("JavaScript without a library", ())],
)
async def test_javascript(
    gateway: Gateway, folder: Path, title: str, packages: tuple[str, ...]
) -> None:
    shown = PROGRAMS[title]
    node = node_with(folder, *packages)
    (folder / "client.js").write_text(shown.code, encoding="utf-8")
    assert await printed_by(gateway, folder, node, "client.js") == shown.printed


async def test_python(gateway: Gateway, folder: Path) -> None:
    shown = PROGRAMS["Python"]
    (folder / "client.py").write_text(shown.code, encoding="utf-8")
    assert await printed_by(gateway, folder, sys.executable, "client.py") == shown.printed


async def test_go(gateway: Gateway, folder: Path) -> None:
    """Skipped without Go, and where its modules cannot be had."""
    shown, go = PROGRAMS["Go"], find_go()
    if go is None:
        pytest.skip("there is no Go here")
    (folder / "client.go").write_text(shown.code, encoding="utf-8")
    environ = {"GOFLAGS": "-mod=mod -buildvcs=false"}
    for command in (("mod", "init", "client"), ("get", GO_MODULE)):
        status, printed = await tool(go, *command, folder=folder, environ=environ)
        if status:
            pytest.skip(f"go {' '.join(command)}: {printed}")
    await done(folder, go, "build", "-o", "client", ".", **environ)
    assert await printed_by(gateway, folder, "./client") == shown.printed
