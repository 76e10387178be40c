"""The schema in a directory of `.proto` files, compiled by protoc in a child process.

The compiler is grpcio-tools' (the `protoc` extra). Comments are kept, as source info.
"""

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet

from gateway.discovery.source import check_files, make_readable
from gateway.errors import ConfigurationError
from gateway.schema.description import Schema, services_of

TIMEOUT = 60
"""Seconds that the compiler may take."""
SHOWN = 3
"""How many of its errors are told."""
WARNING = re.compile(r"warning:|^W\d{4} ", re.IGNORECASE)
"""How the compiler marks warnings, for files and in its own log."""

Stamp = tuple[tuple[str, int, int], ...]
"""Name, size and time of change (ns) of each file. The same stamp means the same content."""


class ProtoDirectory:
    """A directory whose files are compiled when they have changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: tuple[Stamp, Schema] | None = None

    def read(self) -> Schema:
        """The schema as the files say it now.

        Raises ConfigurationError, with file and line, for what does not compile.
        """
        try:
            stamp = stamp_of(self._path)
        except OSError as error:
            raise ConfigurationError(
                f"DESCRIPTOR_SOURCE: cannot read {error.filename}: {error.strerror}"
            ) from None
        if not stamp:
            raise ConfigurationError(f"DESCRIPTOR_SOURCE: {self._path} holds no .proto files")
        if self._last is None or self._last[0] != stamp:
            self._last = stamp, compile_protos(self._path, [name for name, _, _ in stamp])
        return self._last[1]


def stamp_of(root: Path) -> Stamp:
    """The `.proto` files below `root`, by their paths from there. Raises OSError.

    Links to files count, links to directories do not. Hidden files are left out: they belong to
    an editor or git, or are the copies behind the links of a mounted Kubernetes ConfigMap.
    """
    found = []
    for folder, folders, names in os.walk(root, onerror=refuse):
        folders[:] = (name for name in folders if not name.startswith("."))
        for name in names:
            if name.endswith(".proto") and not name.startswith("."):
                file = Path(folder, name)
                status = file.stat()
                found.append((str(file.relative_to(root)), status.st_size, status.st_mtime_ns))
    return tuple(sorted(found))


def refuse(error: OSError) -> None:
    """A directory that cannot be listed is not an empty one."""
    raise error


def compile_protos(root: Path, names: list[str]) -> Schema:
    """The schema of these files, which import each other by their paths below `root`."""
    if find_spec("grpc_tools") is None:
        raise ConfigurationError(
            "DESCRIPTOR_SOURCE: a directory of .proto files needs a compiler;"
            " pip install 'cuebot-gateway[protoc]'"
        )
    found = FileDescriptorSet.FromString(run_protoc(root, names))
    check_files(found.file, f"DESCRIPTOR_SOURCE: {root}")
    own = set(names)
    declared = tuple(file for file in found.file if file.name in own)
    return Schema(
        files=tuple(make_readable(file) for file in found.file),
        services=services_of(declared),
        origin=str(root),
        confirmed=False,
    )


def run_protoc(root: Path, names: list[str]) -> bytes:
    """The serialized FileDescriptorSet of these files and of all that they import.

    protoc runs in `root` and gets names that begin with `./`: it gives a meaning to `:` and `=`
    in the paths it searches, and to `-` and `@` where a file's name begins. Python runs with -P,
    so that no module is taken from there.
    """
    command = [
        *(sys.executable, "-P", "-m", "grpc_tools.protoc", "--proto_path=."),
        *("--include_imports", "--include_source_info", "--descriptor_set_out=/dev/stdout"),
        *(f"./{name}" for name in names),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - no shell; the names are files of that directory
            command, cwd=root, capture_output=True, timeout=TIMEOUT, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"DESCRIPTOR_SOURCE: protoc took more than {TIMEOUT} s for {root}"
        ) from None
    except OSError as error:
        raise ConfigurationError(
            f"DESCRIPTOR_SOURCE: protoc cannot run in {root}: {error.strerror}"
        ) from None
    if done.returncode:
        reason = first_errors(done.stderr.decode(errors="replace")) or f"status {done.returncode}"
        raise ConfigurationError(f"DESCRIPTOR_SOURCE: {root} does not compile: {reason}")
    return done.stdout


def first_errors(text: str) -> str:
    """The first errors of protoc (`job.proto:3:1: Expected …`), in one line."""
    lines = [line.strip() for line in text.splitlines()]
    errors = [line for line in lines if line and not WARNING.search(line)]
    more = f"; and {len(errors) - SHOWN} more" if len(errors) > SHOWN else ""
    return "; ".join(errors[:SHOWN]) + more
