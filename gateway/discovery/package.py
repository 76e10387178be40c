"""The schema in an installed package of protoc's Python output, such as opencue-proto."""

import ast
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.message import DecodeError

from gateway.discovery.source import check_files
from gateway.errors import ConfigurationError
from gateway.schema.description import Schema, assumed_schema

PACKAGE_PREFIX = "package:"
OPENCUE_PACKAGE = "opencue_proto"


def read_package(name: str) -> Schema:
    """The schema in an installed package of protoc's Python output.

    The serialized descriptors are taken from the source text and nothing is imported: importing
    would fill protobuf's default pool. Raises ConfigurationError when there is no such package,
    when it is not that kind, or when two installations of it lie on one path.
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
    """The schema in the folder of a package of that name, installed or not.

    Raises ConfigurationError when it is not that kind.
    """
    modules = sorted(folder.rglob("*_pb2.py"))
    files = tuple(file for module in modules for file in read_module(module))
    if not files:
        raise ConfigurationError(f"the Python package {name} holds no protobuf descriptors")
    check_files(files, f"the Python package {name}")
    return assumed_schema(files, PACKAGE_PREFIX + name)


def read_module(path: Path) -> Iterator[FileDescriptorProto]:
    """The file descriptors that a `*_pb2.py` registers when it is imported, at its top level.

    Old protoc writes `FileDescriptor(serialized_pb=b"…")`, newer `AddSerializedFile(b"…")`.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from None
    for statement in tree.body:  # not all nodes: there are thousands
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
