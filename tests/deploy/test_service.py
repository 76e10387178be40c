"""The systemd unit, by systemd's own checks, and what it takes from the gateway."""

import configparser
import re
import sys
from pathlib import Path

import pytest

from gateway.features.settings import Settings
from tests.deploy.places import program, run, text_of

UNIT = text_of("cuebot-gateway.service")
MOST_EXPOSED = 20
"""Tenths of systemd's scale from 0 to 10. It calls up to 2 the best."""


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that is there: systemd looks for it."""
    file = tmp_path / "cuebot-gateway.service"
    start = re.compile(r"^ExecStart=\S+", re.MULTILINE)
    file.write_text(start.sub(f"ExecStart={sys.executable}", UNIT), encoding="utf-8")
    return file


def test_systemd_understands_it(unit: Path) -> None:
    assert run(program("systemd-analyze"), "--man=no", "verify", unit) == ""


def test_a_line_that_systemd_does_not_know_is_noticed(unit: Path) -> None:
    text = unit.read_text(encoding="utf-8").replace("ProtectHome=", "ProtectHomes=")
    unit.write_text(text, encoding="utf-8")
    assert "ProtectHomes" in run(program("systemd-analyze"), "--man=no", "verify", unit)


def test_little_is_exposed(unit: Path) -> None:
    run(
        program("systemd-analyze"),
        "security",
        "--offline=true",
        f"--threshold={MOST_EXPOSED}",
        "--no-pager",
        unit,
    )


def test_a_stop_has_time() -> None:
    parsed = configparser.ConfigParser(interpolation=None, strict=False)
    parsed.read_string(UNIT)
    waits = int(parsed["Service"]["TimeoutStopSec"].removesuffix("s"))
    assert waits > Settings.model_fields["shutdown_timeout"].default
