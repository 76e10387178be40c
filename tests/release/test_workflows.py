"""The workflows for GitHub, as far as they can be read without running them."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parent.parent.parent
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def jobs(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))["jobs"]
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_what_they_run_is_there(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for target in re.findall(r"(?<!-)\bmake (\w+)", text.partition("\njobs:")[2]):
        assert f"\n{target}: " in MAKEFILE, target
    for path in re.findall(r"((?:tests|config|gateway|\.ci)/[\w/.]+)", text):
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_they_have_few_rights(file: Path) -> None:
    parsed = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert parsed["permissions"] == {"contents": "read"}
    for job in parsed["jobs"].values():
        assert job["timeout-minutes"] <= 60


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_actions_are_commits(file: Path) -> None:
    """Each of them: a tag or a branch of an action is its owner's to move."""
    lines = re.findall(r"^ *-? *uses: *(.*)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    assert lines
    for line in lines:
        assert re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


def test_an_action_is_one_commit_everywhere() -> None:
    text = "".join(file.read_text(encoding="utf-8") for file in FILES)
    found = set(re.findall(r"uses: ([\w/-]+)@(\S+)", text))
    assert len(found) == len({name for name, _ in found})


def test_a_release_uploads_without_a_password() -> None:
    pypi = jobs(ROOT / ".github" / "workflows" / "release.yml")["pypi"]
    assert pypi["permissions"] == {"id-token": "write"}
    download, publish = pypi["steps"]
    assert download["with"]["name"] == "packages"
    assert "with" not in publish
