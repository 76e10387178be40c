"""A directory of `.proto` files as the source of the schema."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gateway.core.discovery import files
from gateway.core.discovery.files import ProtoDirectory
from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.discovery.source import FileSource, choose_source
from gateway.core.errors import ConfigurationError
from gateway.core.schema.description import NoSchema, Schema
from gateway.core.schema.selection import Selection
from gateway.features.catalog import Profile, build_catalog

pytestmark = pytest.mark.slow

SERVICE = """
syntax = "proto3";
package {package};
{imports}
// What is asked and answered.
message M {{ {fields} }}
service {service} {{
  rpc Call(M) returns (M);  // Only one.
}}
"""


def write(root: Path, name: str, package: str = "a", imports: str = "", fields: str = "") -> Path:
    """A file with one service, named as its package in upper case."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    service = package.upper()
    text = SERVICE.format(package=package, imports=imports, fields=fields, service=service)
    path.write_text(text.lstrip(), encoding="utf-8")
    return path


def schema_in(root: Path) -> Schema:
    return ProtoDirectory(root).read()


def refusal(root: Path) -> str:
    """The one line that a directory is refused with."""
    with pytest.raises(ConfigurationError) as caught:
        ProtoDirectory(root).read()
    text = str(caught.value)
    assert text.startswith("DESCRIPTOR_SOURCE: ")
    assert "\n" not in text
    return text


def comments(schema: Schema) -> list[str]:
    return [
        said.strip()
        for file in schema.files
        for place in file.source_code_info.location
        for said in (place.leading_comments, place.trailing_comments)
        if said
    ]


# --- what is found --------------------------------------------------------------------------
def test_files_import_each_other_by_their_paths(tmp_path: Path) -> None:
    write(tmp_path, "cue/a.proto", imports='import "cue/deep/b.proto";', fields="b.M b = 1;")
    write(tmp_path, "cue/deep/b.proto", package="b")
    schema = schema_in(tmp_path)
    assert sorted(schema.services) == ["a.A", "b.B"]
    assert {file.name for file in schema.files} == {"cue/a.proto", "cue/deep/b.proto"}
    assert comments(schema) == ["What is asked and answered.", "Only one."] * 2
    assert (schema.origin, schema.confirmed) == (str(tmp_path), False)


def test_protobufs_own_files_are_there(tmp_path: Path) -> None:
    imports, fields = 'import "google/protobuf/empty.proto";', "google.protobuf.Empty at = 1;"
    write(tmp_path, "a.proto", imports=imports, fields=fields)
    assert schema_in(tmp_path).services == ("a.A",)


NOT_ASKED: Any = object()


@pytest.mark.parametrize("name", ["with space", "-o", "-I", "--version", "@list", "é", "a=b:c"])
def test_names_mean_nothing_to_the_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """No name is taken for a flag, a list of files or a mapping of paths."""
    write(tmp_path / name, f"{name}.proto")
    schema = schema_in(tmp_path / name)
    assert ([file.name for file in schema.files], schema.services) == ([f"{name}.proto"], ("a.A",))
    monkeypatch.chdir(tmp_path)
    assert isinstance(choose_source(name, NOT_ASKED), FileSource)


def test_where_files_lie_does_not_matter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    protos, here = tmp_path / ".hidden.pb", tmp_path / "here"
    write(protos, "a.proto")
    write(here, "a.proto", package="wrong")
    for place in (here, protos):
        (place / "grpc_tools").mkdir()
        (place / "grpc_tools" / "__init__.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(here)
    assert schema_in(protos).services == ("a.A",)


def test_a_mounted_configmap(tmp_path: Path) -> None:
    """Links to files count once, though what they lead to lies hidden in the same directory."""
    write(tmp_path / "..2026_11_25", "a.proto")
    (tmp_path / "..data").symlink_to("..2026_11_25")
    (tmp_path / "a.proto").symlink_to("..data/a.proto")
    (tmp_path / ".#a.proto").symlink_to("nobody@nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "link").symlink_to(".")
    source = ProtoDirectory(tmp_path / "link")
    before = source.read()
    assert [file.name for file in before.files] == ["a.proto"]
    write(tmp_path / "..2026_11_26", "a.proto", fields="string more = 1;")
    (tmp_path / "..data").unlink()
    (tmp_path / "..data").symlink_to("..2026_11_26")
    assert source.read().digest != before.digest


def test_comments_in_an_old_encoding(tmp_path: Path) -> None:
    path = write(tmp_path, "a.proto")
    path.write_bytes(path.read_bytes().replace(b"Only one", b"D\xe9j\xe0 vu"))
    assert "Déjà vu." in comments(schema_in(tmp_path))


# --- what is refused ------------------------------------------------------------------------

PROTO = b'syntax = "proto3"; package a;\n'
A_IN_A = PROTO + b"message M {}\n"


IMPORT_LOST = {"a.proto": PROTO + b'import "lost.proto";'}
CIRCLE = {"a.proto": PROTO + b'import "b.proto";', "b.proto": PROTO + b'import "a.proto";'}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"a.proto": A_IN_A, "sub/b.proto": PROTO + b"message {}"}, "sub/b.proto:2:9: Expected me"),
        (IMPORT_LOST, "lost.proto: File not found"),
        (IMPORT_LOST, 'a.proto:2:1: Import "lost.proto" was not f'),
        ({"\u00e9.proto": PROTO + b'import "caf\xe9.proto";'}, "\u00e9.proto:2:"),
        (CIRCLE, "a.proto -> b.proto -> a.proto"),
        ({"a.proto": A_IN_A, "copy of a.proto": A_IN_A}, 'is already defined in file "a.proto"'),
        ({"a.proto": PROTO + b"message \xe9"}, "a.proto:2:9: Interpreting non ascii codepoint"),
        ({"a.proto": bytes(range(256))}, "a.proto:1:1: "),
    ],
)
def test_errors_have_file_and_line(tmp_path: Path, content: dict[str, bytes], words: str) -> None:
    for name, text in content.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(text)
    problem = refusal(tmp_path)
    assert problem.startswith(f"DESCRIPTOR_SOURCE: {tmp_path} does not compile: ")
    assert words in problem


@pytest.mark.parametrize(
    ("place", "name", "value", "words"),
    [
        (files, "find_spec", lambda name: None, "pip install 'cuebot-gateway[protoc]'"),
        (files, "PROTOC_TIMEOUT_SECONDS", 0, "protoc took more than 0 s"),
        (sys, "executable", "/bin/false", "does not compile: status 1"),
        (sys, "executable", "/no/python", "cannot run"),
    ],
)
def test_a_compiler_that_does_not_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: Any, name: str, value: Any, words: str
) -> None:
    write(tmp_path, "a.proto")
    monkeypatch.setattr(place, name, value)
    assert words in refusal(tmp_path)


def test_warnings_are_no_reasons(tmp_path: Path) -> None:
    """Only errors are told, three of them, and how many there are besides."""
    write(tmp_path, "a.proto", imports='import "google/protobuf/any.proto";')
    lost = "\n".join(f"message N{number} {{ repeated X x = 1; }}" for number in range(5))
    (tmp_path / "b.proto").write_text(lost)
    reason = refusal(tmp_path).partition("does not compile: ")[2].split("; ")
    assert reason[:3] == [f'b.proto:{line}:23: "X" is not defined.' for line in (1, 2, 3)]
    assert reason[3:] == ["and 2 more"]


@pytest.mark.parametrize("content", [(), ("README.md",), (".hidden.proto",), ("x.proto/y.txt",)])
def test_a_directory_without_proto_files(tmp_path: Path, content: tuple[str, ...]) -> None:
    for name in content:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert refusal(tmp_path) == f"DESCRIPTOR_SOURCE: {tmp_path} holds no .proto files"


def test_files_that_declare_no_service(tmp_path: Path) -> None:
    (tmp_path / "a.proto").write_text('syntax = "proto3"; message M {}')
    assert schema_in(tmp_path).services == ()


def test_services_of_imports_are_not_the_directorys(tmp_path: Path) -> None:
    write(tmp_path / "elsewhere", "b.proto", package="b")
    root = tmp_path / "root"
    write(root, "a.proto", imports='import "linked/b.proto";', fields="b.M b = 1;")
    (root / "linked").symlink_to(tmp_path / "elsewhere")
    assert schema_in(root).services == ("a.A",)


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    write(tmp_path, "a.proto")
    (tmp_path / "b.proto").symlink_to("gone.proto")
    assert refusal(tmp_path) == (
        f"DESCRIPTOR_SOURCE: cannot read {tmp_path / 'b.proto'}: No such file or directory"
    )


@pytest.mark.parametrize("closed", ["sub", "sub/b.proto"])
def test_what_may_not_be_read(tmp_path: Path, closed: str) -> None:
    write(tmp_path, "a.proto")
    write(tmp_path, "sub/b.proto", package="b")
    (tmp_path / closed).chmod(0)
    if os.access(tmp_path / closed, os.R_OK):
        pytest.skip("this user may read everything")
    try:
        assert "Permission denied" in refusal(tmp_path)
    finally:
        (tmp_path / closed).chmod(0o700)


def test_a_directory_that_cannot_be_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "sub/a.proto")
    listed = os.scandir

    def scandir(path: Any) -> Any:
        if str(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert refusal(tmp_path) == (
        f"DESCRIPTOR_SOURCE: cannot read {tmp_path / 'sub'}: Permission denied"
    )


# --- what changes later ---------------------------------------------------------------------
def test_only_changes_are_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = []
    run = subprocess.run

    def counted(*args: Any, **options: Any) -> Any:
        runs.append(args)
        return run(*args, **options)

    monkeypatch.setattr(subprocess, "run", counted)
    path = write(tmp_path, "a.proto")
    source = ProtoDirectory(tmp_path)
    first = source.read()
    assert source.read() is first
    assert len(runs) == 1
    write(tmp_path, "b.proto", package="b")
    assert sorted(source.read().services) == ["a.A", "b.B"]
    path.unlink()
    assert source.read().services == ("b.B",)
    assert len(runs) == 3


@pytest.mark.parametrize(("fields", "later"), [("string two = 1;", 1), ("int32 other = 1;", 0)])
def test_size_or_time_tells_of_an_edit(tmp_path: Path, fields: str, later: int) -> None:
    path = write(tmp_path, "a.proto", fields="string one = 1;")
    source = ProtoDirectory(tmp_path)
    before = source.read()
    written = path.stat().st_mtime_ns
    write(tmp_path, "a.proto", fields=fields)
    os.utime(path, ns=(written, written + later))
    assert source.read().digest != before.digest


@pytest.mark.anyio
async def test_what_breaks_later_keeps_the_catalog(tmp_path: Path) -> None:
    root = tmp_path / "protos"
    path = write(root, "a.proto")
    source = choose_source(str(root), NOT_ASKED)
    live = LiveCatalog(source, Selection(), Profile(), build=build_catalog)
    assert await live.attempt()
    catalog = live.current

    path.write_text("message 3\n")
    assert not await live.attempt()
    assert "could not be refreshed" in live.history.problem
    assert "a.proto:1:9: Expected message name." in live.history.problem

    root.rename(tmp_path / "away")
    with pytest.raises(NoSchema, match=f"cannot read {root}: No such file or directory"):
        await source.fetch()
    assert not await live.attempt()
    assert live.current is catalog

    (tmp_path / "away").rename(root)
    write(root, "a.proto", fields="string more = 1;")
    assert await live.attempt()
    assert live.history.problem == ""
    assert live.current is not None
    assert live.current is not catalog
