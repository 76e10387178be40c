"""What the package is built into."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
CACHES = shutil.ignore_patterns("__pycache__", "*.pyc", ".venv", ".git", "dist", "site", ".*_cache")


def built(source: Path, umask: int, **environ: str) -> dict[str, bytes]:
    """What `python -m build` makes of it, by name."""
    subprocess.run(
        [sys.executable, "-m", "build", "--no-isolation", "--outdir", "dist"],
        cwd=source,
        env=os.environ | {"SOURCE_DATE_EPOCH": "1700000000"} | environ,
        umask=umask,
        check=True,
        capture_output=True,
    )
    return {file.name: file.read_bytes() for file in (source / "dist").iterdir()}


@pytest.mark.slow
def test_two_builds_are_the_same(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "other" / "two"
    shutil.copytree(ROOT, one, ignore=CACHES)
    shutil.copytree(ROOT, two, ignore=CACHES, copy_function=shutil.copyfile)
    for number, file in enumerate(sorted(two.rglob("*.py"))):
        os.utime(file, (number, number))
        file.chmod(0o600)
    first = built(one, 0o022, TZ="UTC", PYTHONHASHSEED="1")
    second = built(two, 0o077, TZ="Asia/Tokyo", PYTHONHASHSEED="2")
    assert sorted(Path(name).suffix for name in first) == [".gz", ".whl"]
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []
