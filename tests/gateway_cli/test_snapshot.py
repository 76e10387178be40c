"""`cuebot-gateway snapshot`: what it saves is a source of the same schema."""

import os
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from gateway.core.discovery.files import FILE_SUFFIXES, read_file
from gateway.core.schema.description import Schema, build_pool, declarations, services_of
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog
from gateway_cli.commands.snapshot import file_set
from gateway_cli.prototext import proto_text
from tests.support.commands import OPENCUE, Ran, assert_one_line, in_process
from tests.support.opencue import opencue
from tests.support.protos import trial


def snapshot(file: object, **environ: str) -> Ran:
    return in_process("snapshot", str(file), **({"DESCRIPTOR_SOURCE": OPENCUE} | environ))


def assert_same_schema(file: Path, schema: Schema) -> None:
    """The file is a source with the same digest and the same routes."""
    read = read_file(file)
    assert read.digest == schema.digest
    mine, its = build_catalog(schema, Selection()), build_catalog(read, Selection())
    assert list(its.routes) == list(mine.routes)
    assert its.absent.withheld == mine.absent.withheld


def test_the_file_is_a_source(tmp_path: Path) -> None:
    file = tmp_path / "cuebot.binpb"
    ran = snapshot(file)
    assert (ran.status, ran.err) == (0, "")
    digest = opencue().digest
    assert ran.text == (
        f"{file}: 28 services of {OPENCUE} (assumed, not confirmed by Cuebot),"
        f" digest {digest[:12]}\n"
    )
    assert_same_schema(file, opencue())
    shown = in_process("routes", DESCRIPTOR_SOURCE=str(file))
    assert shown == in_process("routes", DESCRIPTOR_SOURCE=OPENCUE)


def test_standard_output(tmp_path: Path) -> None:
    file = tmp_path / "cuebot.pb"
    snapshot(file)
    ran = snapshot("-")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == file.read_bytes()


@pytest.mark.parametrize("name", ["cuebot", "cuebot.json", "cuebot.binpb.gz", "pb"])
def test_a_name_that_could_not_be_a_source(tmp_path: Path, name: str) -> None:
    ran = snapshot(tmp_path / name)
    assert (ran.status, ran.out) == (2, b"")
    assert all(suffix in ran.err for suffix in FILE_SUFFIXES)
    assert not any(tmp_path.iterdir())


def test_an_older_file_is_replaced(tmp_path: Path) -> None:
    file, link = tmp_path / "cuebot.binpb", tmp_path / "link.binpb"
    file.write_bytes(b"old")
    file.chmod(0o640)
    link.symlink_to(file)
    assert snapshot(link).status == 0
    assert link.is_symlink()
    assert file.stat().st_mode & 0o777 == 0o640
    assert_same_schema(file, opencue())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cuebot.binpb", "link.binpb"]


def test_a_new_file_is_readable_as_others_are(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        snapshot(tmp_path / "cuebot.binpb")
    finally:
        os.umask(before)
    assert (tmp_path / "cuebot.binpb").stat().st_mode & 0o777 == 0o640


def test_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    file = tmp_path / "cuebot.binpb"
    file.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full)
    ran = snapshot(file)
    assert (ran.status, ran.out) == (1, b"")
    assert_one_line(ran, str(file), "No space left on device")
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_no_such_folder(tmp_path: Path) -> None:
    ran = snapshot(tmp_path / "nowhere" / "cuebot.binpb")
    assert (ran.status, ran.out) == (1, b"")
    assert_one_line(ran, "nowhere", "No such file or directory")


def test_imports_are_complete() -> None:
    files = tuple(file for file in trial().files if not file.name.startswith("google/"))
    schema = Schema(files=files, services=services_of(files), origin="test", confirmed=True)
    content = FileDescriptorSet.FromString(file_set(schema))
    names = {file.name for file in content.file}
    assert "google/protobuf/struct.proto" in names
    assert "google/protobuf/api.proto" not in names
    assert all(name in names for file in content.file for name in file.dependency)


def test_imports_come_first() -> None:
    """As from protoc. Some tools, such as protobuf-es, read no other order."""
    schema = opencue()
    files = FileDescriptorSet.FromString(file_set(schema)).file
    assert {file.name for file in files} >= {file.name for file in schema.files}
    before: set[str] = set()
    for file in files:
        assert before.issuperset(file.dependency), file.name
        assert file.name not in before
        before.add(file.name)


def test_fields_have_their_json_names() -> None:
    """Which neither generated code nor reflection has; protobuf-es does not make them up."""
    bare = FileDescriptorProto(name="farm.proto", package="farm", syntax="proto3")
    job = bare.message_type.add(name="Job")
    for name, given in (("is_paused", ""), ("min_cores", "cores"), ("layerName", "")):
        job.field.add(name=name, json_name=given or None)
    job.nested_type.add(name="Inner").field.add(name="a_b")
    bare.extension.add(name="more_cores")
    schema = Schema(files=(bare,), services=(), origin="test", confirmed=True)
    (kept,) = FileDescriptorSet.FromString(file_set(schema)).file
    (message,) = kept.message_type
    assert [field.json_name for field in message.field] == ["isPaused", "cores", "layerName"]
    assert message.nested_type[0].field[0].json_name == "aB"
    assert kept.extension[0].json_name == "moreCores"


def test_files_that_import_each_other_are_kept() -> None:
    names = [f"{name}.proto" for name in "cab"]
    files = [
        FileDescriptorProto(name=name, dependency=[names[number - 1]])
        for number, name in enumerate(names)
    ]
    schema = Schema(files=tuple(files), services=(), origin="test", confirmed=True)
    kept = FileDescriptorSet.FromString(file_set(schema)).file
    assert sorted(file.name for file in kept) == sorted(names)


def with_comments() -> FileDescriptorProto:
    """A file with three services, each with a comment."""
    file = FileDescriptorProto(name="farm.proto", package="farm", syntax="proto3")
    file.message_type.add(name="Job")
    file.source_code_info.location.add(path=(4, 0), leading_comments=" A job.\n")
    for number, name in enumerate("ABC"):
        method = file.service.add(name=name).method.add(name="Get")
        method.input_type = method.output_type = ".farm.Job"
        file.source_code_info.location.add(path=(6, number), leading_comments=f" {name}.\n")
        file.source_code_info.location.add(
            path=(6, number, 2, 0), leading_comments=f" {name}.Get\n"
        )
    return file


def test_services_that_are_only_declared_are_left_out(tmp_path: Path) -> None:
    schema = Schema(
        files=(with_comments(),), services=("farm.A", "farm.C"), origin="test", confirmed=True
    )
    file = tmp_path / "farm.binpb"
    file.write_bytes(file_set(schema))
    assert read_file(file).services == ("farm.A", "farm.C")
    assert_same_schema(file, schema)


def test_comments_are_kept() -> None:
    schema = Schema(files=(with_comments(),), services=("farm.C",), origin="test", confirmed=True)
    files = FileDescriptorSet.FromString(file_set(schema)).file
    pool, _ = build_pool(files)
    shown = [each for each in declarations(files) if each.kind in ("message", "service")]
    printed = [proto_text(each, pool) for each in shown]
    assert printed == [
        "// A job.\nmessage Job {}",
        "// C.\nservice C {\n  // C.Get\n  rpc Get(Job) returns (Job);\n}",
    ]


def test_nothing_is_written_without_cuebot(tmp_path: Path) -> None:
    file = tmp_path / "cuebot.binpb"
    file.write_bytes(b"old")
    ran = in_process("snapshot", str(file), CUEBOT_ENDPOINT="127.0.0.1:1")
    assert ran.status == 1
    assert_one_line(ran, "127.0.0.1:1")
    assert file.read_bytes() == b"old"
