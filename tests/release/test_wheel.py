"""The wheel, installed from outside of the checkout, with each Python that is there."""

import os
import subprocess
import sys
from pathlib import Path
from shutil import which
from zipfile import ZipFile

import pytest

from gateway import __version__
from gateway_cli.assistant.server import PAGES
from tests.support.demos import installed_demo
from tests.support.servers import clean_environment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
PACKAGES = {"gateway", "gateway_cli", "gateway_client", "cuectl", "cuebot_simulator"}
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
OFFLINE = "error sending request for url"
"""What uv says when there is no way to its index."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    build = (sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", folder)
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)  # noqa: S603 - our own wheel
    (wheel,) = folder.glob("*.whl")
    return wheel


def interpreter(version: str) -> str:
    """A Python of this version, on the PATH or from pyenv; skips without one."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    for found in (which(f"python{version}"), *pyenv.glob(f"versions/{version}.*/bin/python")):
        if found and said(found, "--version").startswith(f"Python {version}."):
            return str(found)
    pytest.skip(f"python{version} is not installed")


def said(*command: str | Path, **environ: str) -> str:
    """What a command prints; nothing if it fails."""
    ran = subprocess.run(  # noqa: S603 - interpreters of this machine
        command, env=clean_environment(**environ), capture_output=True, text=True, check=False
    )
    return ran.stdout if ran.returncode == 0 else ""


def install(python: str, wheel: Path, folder: Path) -> Path:
    """A new environment with the wheel and its extra `demo`; the folder of its programs."""
    environ = {name: os.environ[name] for name in os.environ if not name.startswith("PYTHON")}
    empty = (python, "-m", "venv", "--without-pip", str(folder))
    subprocess.run(empty, env=environ, check=True)  # noqa: S603 - as above
    uv = (sys.executable, "-m", "uv", "pip", "install", "--python", folder / "bin" / "python")
    install = (*uv, "--quiet", "--only-binary", ":all:", f"{wheel}[demo]")
    ran = subprocess.run(  # noqa: S603 - as above
        install, env=environ, capture_output=True, text=True, check=False
    )
    if ran.returncode and OFFLINE in ran.stderr:
        pytest.skip("uv cannot reach its index")
    assert ran.returncode == 0, ran.stderr
    return folder / "bin"


def test_the_wheel_has_its_packages_and_nothing_else(wheel: Path) -> None:
    with ZipFile(wheel) as opened:
        names = opened.namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == PACKAGES
    assert {f"gateway_cli/{page.file}" for page in PAGES} <= {*names}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_installed_demo_answers(wheel: Path, tmp_path: Path, version: str) -> None:
    programs = install(interpreter(version), wheel, tmp_path / "installed")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for program in ("cuebot-gateway", "cuectl"):
        assert said(programs / program, "--version").split()[-1] == __version__
    with installed_demo([programs / "cuebot-gateway"], elsewhere) as demo:
        answer = demo.post("/show.ShowInterface/GetShows", {})
        assert answer["shows"]["shows"][0]["name"] == "demo"
        assert demo.stop() == (0, "")
