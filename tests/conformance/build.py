"""The suite and its reference server, as Go builds them, and the descriptors of its protos."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from grpc_tools import protoc

MODULE, VERSION = "connectrpc.com/conformance", "v1.0.7"
FOLDER = Path(__file__).parents[2] / ".venv" / "conformance" / VERSION
UNOPTIMISED = "-gcflags=all=-N -l"
"""Compiles in three quarters of the time."""
USUAL_GO = Path("/usr/local/go/bin")
"""Where Go's own archive puts it, which few have in their PATH."""


@dataclass(frozen=True)
class Built:
    """What a build leaves in a folder."""

    folder: Path

    @property
    def suite(self) -> Path:
        return self.folder / "connectconformance"

    @property
    def reference_server(self) -> Path:
        return self.folder / "referenceserver"

    @property
    def schema(self) -> Path:
        """The FileDescriptorSet of the suite's protos, which is written last."""
        return self.folder / "conformance.binpb"


def find_go() -> str | None:
    return shutil.which("go", path=os.pathsep.join((os.environ["PATH"], str(USUAL_GO))))


def build(go: str) -> Built:
    """Build what is not built yet: a minute, or some seconds with Go's caches.

    Raises subprocess.CalledProcessError.
    """
    built = Built(FOLDER)
    if built.schema.exists():
        return built
    built.folder.mkdir(parents=True, exist_ok=True)
    environ = os.environ | {"GOBIN": str(built.folder), "GOFLAGS": "-buildvcs=false"}
    programs = [
        f"{MODULE}/cmd/{each.name}@{VERSION}" for each in (built.suite, built.reference_server)
    ]
    install = (go, "install", UNOPTIMISED, "-ldflags=-s -w", *programs)
    subprocess.run(install, env=environ, check=True)  # noqa: S603 - it is Go
    download = subprocess.run(  # noqa: S603
        [go, "mod", "download", "-json", f"{MODULE}@{VERSION}"],
        env=environ,
        check=True,
        stdout=subprocess.PIPE,
    )
    compile_protos(Path(json.loads(download.stdout)["Dir"]) / "proto", built.schema)
    return built


def compile_protos(folder: Path, target: Path) -> None:
    files = sorted(str(each.relative_to(folder)) for each in folder.rglob("*.proto"))
    well_known = Path(protoc.__file__).parent / "_proto"
    options = [f"-I{folder}", f"-I{well_known}", "--include_imports", f"-o{target}"]
    assert protoc.main(["protoc", *options, *files]) == 0
