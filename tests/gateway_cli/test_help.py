"""What all commands have: help, a version, usage errors."""

import re
from pathlib import Path

import pytest

from gateway import __version__
from gateway_cli import main
from tests.support.commands import child, in_process

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["", *main.commands])
def test_help_fits_a_terminal(name: str) -> None:
    assert max(map(len, in_process(*name.split(), "--help").text.splitlines())) <= 80


@pytest.mark.parametrize("flag", ["--help", "-h"])
@pytest.mark.parametrize("name", ["", *main.commands])
def test_help(name: str, flag: str) -> None:
    ran = in_process(*name.split(), flag)
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.startswith("Usage: ")
    if name:
        assert "Example:" in ran.text
    else:
        for command in main.commands:
            assert re.search(rf"^  {command} +\S", ran.text, re.MULTILINE)


def test_version() -> None:
    ran = in_process("--version")
    assert ran.status == 0
    assert __version__ in ran.text


@pytest.mark.slow
def test_python_dash_m_is_the_same_command() -> None:
    ran = child("--help")
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.startswith("Usage: cuebot-gateway ")


@pytest.mark.parametrize("arguments", [("nothing",), ("serve", "--nothing"), ("token",)])
def test_a_wrong_command_line_is_a_usage_error(arguments: tuple[str, ...]) -> None:
    ran = in_process(*arguments)
    assert (ran.status, ran.out) == (2, b"")
    assert "Usage:" in ran.err


@pytest.mark.parametrize("name", ["routes", "describe", "snapshot", "check", "compare", "call"])
def test_commands_that_fail_list_their_exit_statuses(name: str) -> None:
    assert "Exit status" in in_process(name, "--help").text


def test_every_tool_has_a_section() -> None:
    page = (DOCS / "tools.md").read_text(encoding="utf-8")
    for name in ("routes", "describe", "snapshot", "check", "compare"):
        assert f"\n## {name}\n" in page


def test_every_option_and_status_of_call_is_documented() -> None:
    page = (DOCS / "call.md").read_text(encoding="utf-8")
    words = in_process("call", "--help").text
    options = set(re.findall(r"--[a-z-]+", words)) - {"--help"}
    assert len(options) > 8
    assert not [option for option in options if f"`{option}" not in page]
    for status in re.findall(r"^    (\d+) ", words, re.MULTILINE):
        assert f"\n| {status} |" in page
