"""Verbs of other packages, as docs/cuectl.md adds one."""

import re
import tomllib
from pathlib import Path

import pytest

from gateway_client.terminal.exits import NOT_FOUND, WRONG_USAGE
from tests.cuectl.calls import Cuectl, in_process

PAGE = Path(__file__).parents[2] / "docs" / "cuectl.md"


def code(language: str) -> str:
    """The only code of the page in this language."""
    (block,) = re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    return str(block)


def install(folder: Path, points: dict[str, str], **modules: str) -> None:
    """What pip leaves of a package with these entry points."""
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text)
    about = folder / "studio_verbs-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: studio-verbs\nVersion: 1.0\n")
    lines = (f"{name} = {value}\n" for name, value in points.items())
    (about / "entry_points.txt").write_text(f"[cuectl.verbs]\n{''.join(lines)}")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder from which Python imports packages."""
    found = tmp_path / "site"
    found.mkdir()
    monkeypatch.syspath_prepend(found)
    return found


async def test_the_verb_of_the_page_works(reading: Cuectl, site: Path) -> None:
    project = tomllib.loads(code("toml"))["project"]
    install(site, project["entry-points"]["cuectl.verbs"], studio_verbs=code("python"))
    one, both = await reading("idle", "local.desktop"), await reading("idle")
    line = r"local.{}: \d+ cores\n"
    assert re.fullmatch(line.format("desktop"), one.text), one.err
    assert re.fullmatch(line.format("desktop") + line.format("general"), both.text), both.err
    assert re.search(
        r"^Of this studio:\n  idle  Say how many", (await reading("--help")).text, re.M
    )
    assert "[ALLOC]..." in (await reading("idle", "--help")).text
    assert "did you mean idle?" in (await reading("idlee")).err
    no_gateway = await reading("idle", GATEWAY_URL="")
    assert (no_gateway.status, len(no_gateway.err.splitlines())) == (WRONG_USAGE, 1)


FAILS = """\
import click
from cuectl.farm import pass_farm

@click.command()
@pass_farm
def fails(farm):
    farm.call("job.JobInterface/Pause", {"job": "lenna"})
"""


async def test_what_fails_in_one_is_a_line_and_a_status(reading: Cuectl, site: Path) -> None:
    install(site, {"fails": "studio_fails:fails"}, studio_fails=FAILS)
    ran = await reading("fails")
    assert ran.status == NOT_FOUND
    assert re.fullmatch(r"cuectl: NOT_FOUND: .*'lenna'.*\n", ran.err)


BROKEN = {
    "absent": ("studio_gone:verb", "studio_gone:verb cannot be loaded: ModuleNotFoundError: No"),
    "typo": ("studio_broken:vreb", "studio_broken:vreb cannot be loaded: AttributeError: "),
    "exits": (
        "studio_exits:verb",
        "studio_exits:verb cannot be loaded: SystemExit: \\u001b[31mno;",
    ),
    "number": ("studio_broken:verb", "studio_broken:verb is no Click command"),
}


@pytest.fixture
def broken(site: Path) -> None:
    points = {name: value for name, (value, _) in BROKEN.items()} | {"jobs": "studio_broken:verb"}
    exits = "raise SystemExit('\\x1b[31mno\\nway')"
    install(site, points, studio_broken="verb = 3", studio_exits=exits)


@pytest.mark.usefixtures("broken")
@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("more", [[], ["--help"], ["a", "--b"]])
def test_a_broken_one_says_why(tmp_path: Path, name: str, more: list[str]) -> None:
    ran = in_process(name, *more, folder=tmp_path)
    assert (ran.status, ran.text) == (WRONG_USAGE, "")
    assert ran.err.startswith(f"cuectl: {name}: {BROKEN[name][1]}")
    assert len(ran.err.splitlines()) == 1


@pytest.mark.usefixtures("broken")
def test_broken_ones_stop_no_other(tmp_path: Path) -> None:
    """Each has a line in the help, and completion offers all; cuectl's own verbs are its own."""
    ran = in_process("--help", folder=tmp_path)
    assert (ran.status, ran.err) == (0, "")
    studio = ran.text.partition("Of this studio:\n")[2].partition("\n\n")[0]
    assert [line.split()[0] for line in studio.splitlines()] == sorted(BROKEN)
    assert "List jobs" in in_process("jobs", "--help", folder=tmp_path).text
    asked = {"_CUECTL_COMPLETE": "bash_complete", "COMP_WORDS": "cuectl ", "COMP_CWORD": "1"}
    assert {"plain,jobs", "plain,absent"} <= {*in_process(folder=tmp_path, **asked).text.split()}
    for line in ("cuectl absent ", "cuectl nosuch "):
        ran = in_process(folder=tmp_path, **asked | {"COMP_WORDS": line, "COMP_CWORD": "2"})
        assert (ran.status, ran.err) == (0, "")
