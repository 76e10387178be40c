"""Node with packages of npm's, as `make javascript` installs them."""

import json
import shutil
from pathlib import Path

import pytest

MODULES = Path(__file__).parents[2] / ".venv" / "javascript" / "node_modules"


def program(*names: str) -> str:
    """The first of these programs. Skips the test if one of them is not installed."""
    for name in names:
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed")
    return shutil.which(names[0]) or names[0]


def axe() -> str:
    """axe-core, which finds barriers in a page. Skips if it is not installed."""
    script = MODULES / "axe-core" / "axe.min.js"
    if not script.is_file():
        pytest.skip("axe-core is not installed (make javascript)")
    return script.read_text(encoding="utf-8")


def node_with(folder: Path, *packages: str) -> str:
    """Node, for programs in this folder that import these packages. Skips if one is missing."""
    node = program("node")
    for package in packages:
        if not (MODULES / package).is_dir():
            pytest.skip(f"{package} is not installed (make javascript)")
    (folder / "node_modules").symlink_to(MODULES)
    return node


def modules(folder: Path, *packages: str) -> str:
    """The import map (JSON) of these packages, for pages that this folder's server shows.

    Skips if one is not installed.
    """
    imports = {}
    for package in packages:
        if not (MODULES / package).is_dir():
            pytest.skip(f"{package} is not installed (make javascript)")
        described = json.loads((MODULES / package / "package.json").read_bytes())
        whole = {".": {"import": f"./{described.get('module')}"}}
        for name, files in described.get("exports", whole).items():
            imports[package + name[1:]] = f"/node_modules/{package}{files['import'][1:]}"
    (folder / "node_modules").symlink_to(MODULES)
    return json.dumps({"imports": imports})
