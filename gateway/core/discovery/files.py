"""Schemas in files: a FileDescriptorSet, a package of protoc's Python output, `.proto` files."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from google.protobuf.message import DecodeError

from gateway.core.errors import ConfigurationError
from gateway.core.schema.description import (
    LIMITS,
    PACKAGE_PREFIX,
    Schema,
    TooLarge,
    assumed_schema,
    check_size,
    services_of,
)

LARGEST_SET_BYTES = LIMITS.schema_bytes
FILE_SUFFIXES = (".binpb", ".protoset", ".desc", ".pb")
OPENCUE_PACKAGE = "opencue_proto"
PROTOC_TIMEOUT_SECONDS = 60
SHOWN_ERRORS = 3
"""Errors of protoc in a message."""
WARNING = re.compile(r"warning:|^W\d{4} ", re.IGNORECASE)
"""Marks of protoc's warnings, in files and in its own log."""

Stamp = tuple[tuple[str, int, int], ...]
"""Name, size and time of change (ns) of each file. The same stamp means the same content."""


def check_files(files: Iterable[FileDescriptorProto], place: str) -> None:
    """Raise ConfigurationError, which names the place, for files that are too large."""
    try:
        check_size(files)
    except TooLarge as error:
        raise ConfigurationError(f"{place}: {error}") from None


def is_named(file: FileDescriptorProto) -> bool:
    """Whether the names of the file and its imports are texts.

    Other bytes may parse as a descriptor by chance; a name that is not UTF-8 is `bytes` then.
    """
    return all(name and isinstance(name, str) for name in (file.name, *file.dependency))


def make_readable(file: FileDescriptorProto) -> FileDescriptorProto:
    """The file, with comments in an old encoding made text."""
    for place in file.source_code_info.location:
        for name in ("leading_comments", "trailing_comments"):
            comment = getattr(place, name)
            if isinstance(comment, bytes):  # not UTF-8
                setattr(place, name, comment.decode("latin-1"))
    return file


def read_file(path: Path) -> Schema:
    """The schema in a FileDescriptorSet, as of `protoc -o`. Raises ConfigurationError."""
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_SET_BYTES + 1)
        files = tuple(FileDescriptorSet.FromString(content).file)
    except OSError as error:
        raise ConfigurationError(
            f"DESCRIPTOR_SOURCE: cannot read {path}: {error.strerror}"
        ) from None
    except DecodeError:
        files = ()
    if len(content) > LARGEST_SET_BYTES:
        raise ConfigurationError(
            f"DESCRIPTOR_SOURCE: {path} is larger than {LARGEST_SET_BYTES / 2**20:g} MB"
        )
    if not files or not all(map(is_named, files)):
        raise ConfigurationError(
            f"DESCRIPTOR_SOURCE: {path} is not a FileDescriptorSet;"
            " make one with protoc --include_imports -o FILE"
        )
    check_files(files, f"DESCRIPTOR_SOURCE: {path}")
    return assumed_schema(map(make_readable, files), str(path))


def read_package(name: str) -> Schema:
    """The schema in an installed package of protoc's Python output, such as opencue-proto.

    The serialized descriptors are taken from the source text: an import would fill protobuf's
    default pool. Raises ConfigurationError for a package that is missing, of another kind, or
    installed twice.
    """
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        spec = None
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise ConfigurationError(f"the Python package {name} is not installed")
    if len(folders) > 1:
        raise ConfigurationError(f"the Python package {name} is installed twice: {folders}")
    return read_folder(Path(folders[0]), name)


def read_folder(folder: Path, name: str) -> Schema:
    """The schema in the folder of a package, installed or not. Raises ConfigurationError."""
    modules = sorted(folder.rglob("*_pb2.py"))
    files = tuple(file for module in modules for file in read_module(module))
    if not files:
        raise ConfigurationError(f"the Python package {name} holds no protobuf descriptors")
    check_files(files, f"the Python package {name}")
    return assumed_schema(files, PACKAGE_PREFIX + name)


def read_module(path: Path) -> Iterator[FileDescriptorProto]:
    """The file descriptors that a `*_pb2.py` would register.

    Old protoc writes `FileDescriptor(serialized_pb=b"…")`, newer `AddSerializedFile(b"…")`.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    for statement in tree.body:  # the top level: there are thousands of nodes below
        call = getattr(statement, "value", None)
        if not isinstance(call, ast.Call):
            continue
        called = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        given = [word.value for word in call.keywords if word.arg == "serialized_pb"]
        if called == "AddSerializedFile":
            given += call.args
        for value in given:
            if isinstance(value, ast.Constant) and isinstance(value.value, bytes):
                try:
                    yield FileDescriptorProto.FromString(value.value)
                except DecodeError:
                    raise ConfigurationError(f"{path} holds a broken descriptor") from None


class ProtoDirectory:
    """A directory of `.proto` files, which protoc (the extra `protoc`) compiles after changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last: tuple[Stamp, Schema] | None = None

    def read(self) -> Schema:
        """The current schema. Raises ConfigurationError, with the file and line of an error."""
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
    an editor or git, or are behind the links of a mounted Kubernetes ConfigMap.
    """

    def refuse(error: OSError) -> None:
        # A directory that cannot be listed is not an empty one.
        raise OSError(error.errno, error.strerror, error.filename)

    found = []
    for folder, folders, names in os.walk(root, onerror=refuse):
        folders[:] = (name for name in folders if not name.startswith("."))
        for name in names:
            if name.endswith(".proto") and not name.startswith("."):
                file = Path(folder, name)
                status = file.stat()
                found.append((str(file.relative_to(root)), status.st_size, status.st_mtime_ns))
    return tuple(sorted(found))


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
    return Schema(
        files=tuple(map(make_readable, found.file)),
        services=services_of(file for file in found.file if file.name in own),
        origin=str(root),
        confirmed=False,
    )


def run_protoc(root: Path, names: list[str]) -> bytes:
    """The serialized FileDescriptorSet of these files and their imports, with comments.

    protoc runs in `root` with names that begin with `./`, as `:` and `=` have a meaning in search
    paths, and `-` and `@` at the beginning of names. Python's -P takes no module from there.
    """
    command = [
        *(sys.executable, "-P", "-m", "grpc_tools.protoc", "--proto_path=."),
        *("--include_imports", "--include_source_info", "--descriptor_set_out=/dev/stdout"),
        *(f"./{name}" for name in names),
    ]
    try:
        done = subprocess.run(  # noqa: S603 - no shell; the names are files of that directory
            command, cwd=root, capture_output=True, timeout=PROTOC_TIMEOUT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise ConfigurationError(
            f"DESCRIPTOR_SOURCE: protoc took more than {PROTOC_TIMEOUT_SECONDS} s for {root}"
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
    more = f"; and {len(errors) - SHOWN_ERRORS} more" if len(errors) > SHOWN_ERRORS else ""
    return "; ".join(errors[:SHOWN_ERRORS]) + more
