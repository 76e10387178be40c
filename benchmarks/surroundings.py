"""The machine and the versions that the figures were measured with."""

import os
import platform
import re
import subprocess
import sys
import sysconfig
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.contenders import find_envoy

PACKAGES = ("grpcio", "protobuf", "orjson", "uvicorn", "uvloop", "httptools", "starlette")


def surroundings(wrk: str | None) -> dict[str, str]:
    """What readers need to know to compare the results with others."""
    libraries = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "machine": f"{processor()}, {os.cpu_count()} cores, Linux {platform.release()}",
        "python": interpreter(),
        "libraries": libraries,
        "envoy": envoy_version(),
        "opencue-proto": version_of("opencue-proto"),
        "load": wrk_version(wrk) if wrk else "benchmarks.client (wrk is not installed)",
    }


def envoy_version() -> str:
    """The version of the binary that is measured, as it says itself (`…/1.40.0/Clean/…`)."""
    envoy = find_envoy()
    if envoy is None:
        return "not installed"
    said = subprocess.run([envoy, "--version"], capture_output=True, text=True, check=False).stdout  # noqa: S603
    found = re.search(r"/([0-9]+(?:\.[0-9]+)+)/", said)
    return "unknown" if found is None else found[1]


def interpreter() -> str:
    """Python's version and where it comes from: distributions build it with PGO and LTO.

    One that was built without them, as by `pyenv install`, is slower.
    """
    if sys.base_prefix == "/usr":
        return f"{platform.python_version()}, the distribution's"
    arguments = sysconfig.get_config_var("CONFIG_ARGS") or ""
    pgo = "with" if "--enable-optimizations" in arguments else "without"
    return f"{platform.python_version()}, built {pgo} --enable-optimizations"


def version_of(package: str) -> str:
    """The version of an installed package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def processor() -> str:
    """The processor's name, according to the kernel."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def commit() -> str:
    """The commit of the working tree, and whether there are changes on top of it."""
    folder = Path(__file__).parent
    try:
        found = git(folder, "rev-parse", "--short=12", "HEAD")
        changed = git(folder, "status", "--porcelain", "--untracked-files=no", "--", "../gateway")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{found} with changes" if changed else found


def git(folder: Path, *arguments: str) -> str:
    run = subprocess.run(  # noqa: S603 - our own arguments
        ["git", *arguments],  # noqa: S607 - whichever git there is
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return run.stdout.strip()


def wrk_version(wrk: str) -> str:
    run = subprocess.run([wrk, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    return " ".join((run.stdout or run.stderr).split()[:2])
