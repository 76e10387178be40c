"""The compiled build: modules of the request path as C extensions, by mypyc.

It happens with CUEBOT_GATEWAY_COMPILED=1 only. Without it, the wheel is pure Python, and nothing
here needs mypy or a C compiler. pyproject.toml lists the modules.
"""

import os
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SWITCH = "CUEBOT_GATEWAY_COMPILED"
REQUIRED = ["mypy>=1.13", "setuptools>=77"]
MYPY_OPTIONS = [
    "--config-file=",  # `make types` checks the code
    "--follow-imports=silent",
    "--ignore-missing-imports",
    # Compiled code fails where a type is wrong, and those in the stubs of others sometimes are.
    "--no-site-packages",
]


class CompiledBuild(BuildHookInterface[BuilderConfig]):
    """Adds the compiled modules to a wheel; their sources stay in it, for tracebacks."""

    def dependencies(self) -> list[str]:
        """What this build needs beyond hatchling."""
        return REQUIRED if is_on() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile before the wheel is packed. An editable install stays pure Python."""
        if not is_on() or version == "editable":
            return
        self._directory = Path(mkdtemp(prefix="cuebot-gateway-"))
        installed = self._directory / "installed"
        for file in compile_to(installed, self.config["modules"], work=self._directory):
            build_data["force_include"][str(file)] = file.relative_to(installed).as_posix()
        build_data["pure_python"] = False
        build_data["infer_tag"] = True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """The wheel is packed."""
        if not build_data["pure_python"]:
            shutil.rmtree(self._directory)


def is_on() -> bool:
    """Whether the switch is set."""
    return os.environ.get(SWITCH) == "1"


def compile_to(directory: Path, modules: list[str], *, work: Path) -> list[Path]:
    """Compile `modules`, paths of files, into extensions that lie as they are to be installed.

    Each module has a small one, and all share one that has the code. Other files go to `work`.
    """
    from mypyc.build import mypycify
    from setuptools import Distribution

    options = [*MYPY_OPTIONS, f"--cache-dir={work / 'cache'}"]
    extensions = mypycify([*options, *modules], target_dir=str(work / "c"))
    build = Distribution({"ext_modules": extensions}).get_command_obj("build_ext")
    build.build_lib = str(directory)
    build.build_temp = str(work / "objects")
    build.ensure_finalized()
    build.run()
    return [file for file in directory.rglob("*") if file.is_file()]
