"""Where the files are, and the programs that check them."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
DEPLOY = ROOT / "config" / "deploy"


def text_of(name: str) -> str:
    """A file of config/deploy/."""
    return (DEPLOY / name).read_text(encoding="utf-8")


def program(name: str) -> str:
    """The path of a program, which may be one for administrators; skips when it is not there."""
    path = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/sbin"))
    found = shutil.which(name, path=path)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """What a program prints, errors included; it has to succeed."""
    ran = subprocess.run(  # noqa: S603 - programs of this machine
        command, cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + ran.stderr
