"""How large a schema may be: each limit, and the sources that are held to them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from gateway.core.discovery import files
from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.discovery.source import choose_source
from gateway.core.errors import ConfigurationError
from gateway.core.schema import description
from gateway.core.schema.description import (
    LIMITS,
    PACKAGE_PREFIX,
    SchemaLimits,
    TooLarge,
    assumed_schema,
    check_size,
)
from gateway.core.schema.selection import Selection
from gateway.features.catalog import Profile, build_catalog
from tests.support.opencue import opencue
from tests.support.steps import lines_of


def shop(services: int = 2, methods: int = 3, fields: int = 4) -> FileDescriptorProto:
    """A file with so many services, methods of each, and fields of its message."""
    file = FileDescriptorProto(name="shop.proto", package="shop", syntax="proto3")
    message = file.message_type.add(name="M")
    for number in range(1, fields + 1):
        message.field.add(name=f"f{number}", number=number, type=9, label=1)
    for number in range(services):
        service = file.service.add(name=f"S{number}Interface")
        for each in range(methods):
            service.method.add(name=f"Do{each}", input_type=".shop.M", output_type=".shop.M")
    return file


def other() -> FileDescriptorProto:
    """A file with one of each thing that can be declared: ten of them."""
    file = FileDescriptorProto(name="other.proto", package="other", syntax="proto3")
    file.dependency.append("shop.proto")
    file.extension.add(name="x", number=1000, type=9, label=1, extendee=".shop.M")
    file.enum_type.add(name="E").value.add(name="V", number=0)
    message = file.message_type.add(name="M")
    message.oneof_decl.add(name="o")
    message.field.add(name="f", number=1, type=9, label=1, oneof_index=0)
    nested = message.nested_type.add(name="N")
    nested.enum_type.add(name="E").value.add(name="W", number=0)
    return file


BOTH = (shop(), other())
BYTES = [each.ByteSize() for each in BOTH]
EXACT = SchemaLimits(
    services=2,
    methods=6,
    files=2,
    file_bytes=max(BYTES),
    schema_bytes=sum(BYTES),
    file_declarations=13,
    schema_declarations=23,
    message_fields=4,
)
OVER = {
    "services": "1 services",
    "methods": "5 methods",
    "files": "1 files",
    "file_bytes": f"{max(BYTES) - 1} bytes in a file",
    "schema_bytes": f"{sum(BYTES) - 1} bytes of files",
    "file_declarations": "12 declarations in shop.proto",
    "schema_declarations": "22 declarations",
    "message_fields": "3 fields in M",
}


def test_a_schema_at_its_limits_is_taken() -> None:
    check_size(BOTH, EXACT)


@pytest.mark.parametrize("limit", SchemaLimits.__dataclass_fields__)
def test_a_schema_over_one_of_them_is_not(limit: str) -> None:
    limits = replace(EXACT, **{limit: getattr(EXACT, limit) - 1})
    with pytest.raises(TooLarge) as raised:
        check_size(BOTH, limits)
    assert str(raised.value) == f"the schema has more than {OVER[limit]}, and is not taken"


def test_opencue_is_far_from_all_of_them() -> None:
    tenth = {name: getattr(LIMITS, name) // 10 for name in SchemaLimits.__dataclass_fields__}
    check_size(opencue().files, SchemaLimits(**tenth))


def a_file(folder: Path) -> str:
    path = folder / "set.binpb"
    path.write_bytes(FileDescriptorSet(file=BOTH).SerializeToString())
    return str(path)


def a_directory(folder: Path) -> str:
    (folder / "a.proto").write_text('syntax = "proto3";\npackage a;\nmessage A {}\nmessage B {}\n')
    return str(folder)


def a_package(folder: Path) -> str:
    (folder / "too_large_proto").mkdir()
    text = f"DESCRIPTOR = pool.AddSerializedFile({shop().SerializeToString()!r})"
    (folder / "too_large_proto/shop_pb2.py").write_text(text)
    return f"{PACKAGE_PREFIX}too_large_proto"


@pytest.mark.parametrize("make", [a_file, a_directory, a_package])
def test_every_source_is_held_to_them(
    make: Callable[[Path], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = make(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    few = SchemaLimits(schema_declarations=1)
    monkeypatch.setattr(files, "check_size", lambda files: description.check_size(files, few))
    with pytest.raises(ConfigurationError) as raised:
        choose_source(wanted, source_of_nothing)
    (line,) = raised.value.args
    assert line.startswith("DESCRIPTOR_SOURCE: ")
    assert wanted.removeprefix(PACKAGE_PREFIX) in line
    assert "the schema has more than 1 declarations, and is not taken" in line


class SourceOfNothing:
    async def fetch(self) -> description.Schema:
        raise AssertionError


source_of_nothing = SourceOfNothing()


def test_a_file_is_not_read_to_its_end_if_it_is_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "LARGEST_SET_BYTES", 20)
    with pytest.raises(ConfigurationError, match=r"set\.binpb is larger than"):
        choose_source(a_file(tmp_path), source_of_nothing)


@pytest.mark.anyio
async def test_the_old_catalog_stays_when_the_new_schema_is_too_large() -> None:
    class Growing:
        says = assumed_schema([shop()], "test")

        async def fetch(self) -> description.Schema:
            check_size(self.says.files, EXACT)
            return self.says

    growing = Growing()
    live = LiveCatalog(growing, Selection(), Profile(), build=build_catalog)
    assert await live.attempt()
    before = live.current
    growing.says = assumed_schema([shop(services=3)], "test")
    assert not await live.attempt()
    assert live.current is before
    assert "could not be refreshed: the schema has more than" in live.history.problem
    assert live.history.refreshes["failed"] == 1


def test_a_catalog_takes_work_in_proportion_to_its_services() -> None:
    def lines(services: int) -> int:
        schema = assumed_schema([shop(services=services)], "test")
        return lines_of(lambda: build_catalog(schema, Selection()))

    lines(1)  # whatever is done once
    assert lines(160) < 6 * lines(40)
