"""What `make demo` and `make install` print while pip works."""

import subprocess
import sys
from pathlib import Path

from release.install import progress

ROOT = Path(__file__).parent.parent.parent


def test_pips_lines_become_one_that_counts() -> None:
    lines = [
        "Obtaining file:///checkout",
        "Collecting click>=8.2 (from cuebot-gateway==0.1.0)",
        "  Downloading click-8.3.0-py3-none-any.whl (107 kB)",
        "Requirement already satisfied: pip",
        "Installing collected packages: click",
    ]
    assert list(progress("Installing", lines)) == [
        "Installing: 1 packages, click>=8.2",
        "Installing: 1 packages, downloading",
        "Installing: 1 packages, installing",
    ]


def install(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "release.install", "Installing it", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_all_is_said_in_one_line() -> None:
    ran = install("--dry-run", "click")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "Installing it …\n", "")


def test_what_pip_says_is_printed_when_it_fails() -> None:
    """With its exit status, so that make stops."""
    ran = install("--no-index", "there-is-no-such-package")
    assert ran.returncode == 1
    assert "No matching distribution found for there-is-no-such-package" in ran.stderr
