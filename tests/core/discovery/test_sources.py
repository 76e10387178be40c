"""Every kind of source gives the same schema, and a broken one says what is wrong with it."""

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc
from structlog.testing import capture_logs

from gateway.core.discovery.files import (
    FILE_SUFFIXES,
    OPENCUE_PACKAGE,
    read_file,
    read_package,
)
from gateway.core.discovery.reflection import ReflectionSource
from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.discovery.source import (
    AutoSource,
    DescriptorSource,
    FileSource,
    NoReflection,
    NotReady,
    choose_source,
)
from gateway.core.errors import ConfigurationError
from gateway.core.schema.description import PACKAGE_PREFIX, NoSchema, Schema, Skipped
from gateway.core.schema.selection import Selection
from gateway.features.catalog import Profile, build_catalog
from tests.support.http2_server import upstream_to
from tests.support.opencue import opencue
from tests.support.servers import ScriptedCuebot, running_cuebot

PROTOS = {
    "shop.proto": """\
// Sells fruit.
syntax = "proto3";
package shop;
import "parts/crate.proto";
import "google/protobuf/timestamp.proto";

// All that a shop does.
service ShopInterface {
  // Looks at one.
  rpc GetCrate(GetCrateRequest) returns (parts.Crate);
  rpc Watch(GetCrateRequest) returns (stream parts.Crate);
}

message GetCrateRequest {
  optional string crate_id = 1;  // Which.
  google.protobuf.Timestamp not_before = 2;
}
""",
    "parts/crate.proto": """\
syntax = "proto2";
package parts;

message Crate {
  optional string label_text = 1 [json_name = "label"];
  optional int32 free__space_ = 2;
  map<string, Kind> kinds_by_name = 3;
  message Side {
    optional bool is_open = 1;
  }
  repeated Side all_sides = 4;
  extensions 100 to 199;
}

extend Crate {
  optional string owner_name = 100;
}

enum Kind {
  APPLE = 0;
}

service CrateInterface {
  rpc Empty(Crate) returns (Crate);
}
""",
}
SERVICES = ["parts.CrateInterface", "shop.ShopInterface"]
ROUTES = {
    "/crate.CrateInterface/Empty",
    "/parts.CrateInterface/Empty",
    "/shop.ShopInterface/GetCrate",
    "/shop.ShopInterface/Watch",
}
PACKAGE = "fruit_proto"

Opening = Callable[["Made"], AbstractAsyncContextManager[DescriptorSource]]


@dataclass(frozen=True)
class Made:
    """The same protos in all forms, as protoc makes them."""

    directory: Path
    file: Path
    files: tuple[FileDescriptorProto, ...]
    """As generated code registers them, and servers hand them out: the bare minimum."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    """The protos on disk; the package can be found while the tests of this file run."""
    top = tmp_path_factory.mktemp("fruit")
    directory, package, file = top / "protos", top / "lib" / PACKAGE, top / "fruit.binpb"
    package.mkdir(parents=True)
    for name, text in PROTOS.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text)
    run = ["protoc", f"-I{directory}", *PROTOS]
    assert protoc.main([*run, f"--python_out={package}", "-I" + well_known()]) == 0
    set_out = ["--include_imports", "--include_source_info", f"-o{file}"]
    assert protoc.main([*run, *set_out, "-I" + well_known()]) == 0
    sys.path.append(str(package.parent))
    yield Made(directory, file, read_package(PACKAGE).files)
    sys.path.remove(str(package.parent))


def well_known() -> str:
    return str(Path(protoc.__file__).parent / "_proto")


@asynccontextmanager
async def reflection(made: Made, *versions: str) -> AsyncIterator[ReflectionSource]:
    cuebot = ScriptedCuebot(made.files, reflection=versions)
    async with running_cuebot(cuebot), upstream_to(cuebot.endpoint) as upstream:
        yield ReflectionSource(upstream, endpoint=cuebot.endpoint)


@asynccontextmanager
async def auto(made: Made, *versions: str) -> AsyncIterator[DescriptorSource]:
    async with reflection(made, *versions) as source:
        yield AutoSource(source, package=PACKAGE)


def versions(opening: Any, *names: str) -> Opening:
    return lambda made: opening(made, *names)


def setting(value: Callable[[Made], str]) -> Opening:
    """What DESCRIPTOR_SOURCE leads to. A server is there, and does not matter."""

    @asynccontextmanager
    async def opened(made: Made) -> AsyncIterator[DescriptorSource]:
        yield choose_source(value(made), NOT_ASKED)

    return opened


class NotAsked:
    """A source that must not be used."""

    async def fetch(self) -> Schema:
        raise AssertionError


NOT_ASKED = NotAsked()

KINDS: dict[str, tuple[Opening, bool, str]] = {
    "reflection v1": (versions(reflection, "v1"), True, "reflection v1 of "),
    "reflection v1alpha": (versions(reflection, "v1alpha"), True, "reflection v1alpha of "),
    "reflection, both": (versions(reflection, "v1", "v1alpha"), True, "reflection v1 of "),
    "auto with v1": (versions(auto, "v1"), True, "reflection v1 of "),
    "auto with v1alpha": (versions(auto, "v1alpha"), True, "reflection v1alpha of "),
    "auto without": (versions(auto), False, f"package:{PACKAGE}"),
    "package": (setting(lambda made: PACKAGE_PREFIX + PACKAGE), False, f"package:{PACKAGE}"),
    "file": (setting(lambda made: str(made.file)), False, "/"),
    "directory": (setting(lambda made: str(made.directory)), False, "/"),
}
"""Each kind: how it is opened, whether Cuebot has confirmed it, how its origin begins."""


# --- what is the same, wherever it comes from -----------------------------------------------
@pytest.mark.anyio
@pytest.mark.parametrize("kind", KINDS)
async def test_every_source_gives_the_same(made: Made, kind: str) -> None:
    opening, confirmed, origin = KINDS[kind]
    async with opening(made) as source:
        schema = await source.fetch()
        again = await source.fetch()
    catalog = build_catalog(schema, Selection())
    assert sorted(schema.services) == SERVICES
    assert set(catalog.routes) == ROUTES
    assert schema.digest == catalog.schema.digest == again.digest == bare(made).digest
    assert (schema.confirmed, catalog.schema.confirmed) == (confirmed, confirmed)
    assert schema.origin.startswith(origin)
    assert kind != "package" or schema is again  # what is installed does not change
    assert (schema.skipped, catalog.absent.skipped) == ((), ())
    encode = catalog.routes["/shop.ShopInterface/GetCrate"].encode
    assert b"".join(encode(b"\x0a\x01x\x10\x07\x22\x02\x08\x01")) == (
        b'{"label":"x","freeSpace":7,"kindsByName":{},"allSides":[{"isOpen":true}]}'
    )


def bare(made: Made) -> Schema:
    services = tuple(SERVICES)
    return Schema(files=made.files, services=services, origin="x", confirmed=True)


# --- the digest -----------------------------------------------------------------------------
Change = Callable[[FileDescriptorProto], object]
EMPTY_CALL = {"name": "More", "input_type": ".parts.Crate", "output_type": ".parts.Crate"}


def crate(file: FileDescriptorProto) -> Any:
    return file.message_type[0].field


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        (lambda file: file.source_code_info.location.add(leading_comments="hello"), False),
        (lambda file: setattr(crate(file)[1], "json_name", "freeSpace"), False),
        (lambda file: file.service.add(name="Another"), False),
        (lambda file: crate(file).add(name="more", number=9, type=9, label=1), True),
        (lambda file: setattr(crate(file)[0], "json_name", "labelText"), True),
        (lambda file: file.service[0].method.add(**EMPTY_CALL), True),
    ],
    ids=["comment", "usual JSON name", "unserved service", "field", "JSON name", "method"],
)
def test_the_digest(made: Made, change: Change, counts: bool) -> None:
    """It is of everything that makes a difference to calls, and of nothing else."""
    files = []
    for file in made.files:
        files.append(FileDescriptorProto.FromString(file.SerializeToString()))
        if file.name == "parts/crate.proto":
            change(files[-1])
    skipped = (Skipped(service="z.Z", reason="lost"),)
    services = tuple(reversed(SERVICES))
    given: dict[str, Any] = {"files": tuple(reversed(files)), "services": services}
    other = Schema(**given, origin="y", confirmed=False, skipped=skipped)
    assert (other.digest != bare(made).digest) is counts


# --- auto -----------------------------------------------------------------------------------
class Scripted:
    """A reflection that does the next thing each time it is asked."""

    def __init__(self, *outcomes: Schema | Exception) -> None:
        self.outcomes = list(outcomes)

    async def fetch(self) -> Schema:
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


@pytest.mark.anyio
async def test_auto_warns_when_its_choice_is_news(made: Made) -> None:
    without, refused = NoReflection("Cuebot has none"), NoReflection("Cuebot refuses it")
    source = AutoSource(
        Scripted(without, without, refused, refused, bare(made), refused), package=PACKAGE
    )
    heard = []
    for _ in range(5):
        with capture_logs() as logs:
            schema = await source.fetch()
        heard.append([(line["log_level"], line["reason"]) for line in logs])
        assert schema.confirmed is (schema.origin == "x")
        assert {line["origin"] for line in logs} <= {f"package:{PACKAGE}"}
    none, refusal = [("warning", "Cuebot has none")], [("warning", "Cuebot refuses it")]
    assert heard == [none, [], refusal, [], []]
    with pytest.raises(NoReflection, match="which it had before"):
        await source.fetch()


@pytest.mark.anyio
async def test_when_auto_falls_back() -> None:
    """To OpenCue's package, but not while Cuebot is away: it may have reflection yet."""
    for problem in (NotReady("away"), NoSchema("odd")):
        with pytest.raises(type(problem)):
            await AutoSource(Scripted(problem)).fetch()
    schema = await AutoSource(Scripted(NoReflection("none"))).fetch()
    assert (schema.origin, schema.confirmed) == ("package:opencue_proto", False)
    assert schema.digest == opencue().digest


@pytest.mark.anyio
async def test_auto_without_a_package_names_the_ways_out() -> None:
    reflection = Scripted(NoReflection("Cuebot has no server reflection"))
    live = LiveCatalog(
        AutoSource(reflection, package="not_there_at_all"),
        Selection(),
        Profile(),
        build=build_catalog,
    )
    assert not await live.attempt()
    for words in ("no server reflection", "not_there_at_all is not installed"):
        assert words in live.history.problem
    for way in ("reflection in Cuebot", "cuebot-gateway[opencue]", "DESCRIPTOR_SOURCE"):
        assert way in live.history.problem


# --- packages -------------------------------------------------------------------------------
def test_the_package_is_read_and_not_imported() -> None:
    schema = read_package(OPENCUE_PACKAGE)
    assert len(schema.services) >= 20
    assert "job.JobInterface" in schema.services
    assert not schema.confirmed
    assert "opencue_proto.job_pb2" not in sys.modules


@pytest.mark.parametrize("name", ["not_there_at_all", "json", "opencue_proto..", ""])
def test_packages_that_are_none(name: str) -> None:
    """A package that is absent, or holds no descriptors, is one clear line."""
    with pytest.raises(ConfigurationError, match=r"is not installed|holds no protobuf"):
        read_package(name)


def test_a_package_in_two_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two versions of a namespace package on one path would be mixed in silence."""
    for place in ("one", "two"):
        (tmp_path / place / "twice_proto").mkdir(parents=True)
        monkeypatch.syspath_prepend(str(tmp_path / place))
    with pytest.raises(ConfigurationError, match="installed twice"):
        read_package("twice_proto")


@pytest.mark.parametrize(
    "content", [b"def", b"\0", b'"\xff"', b'DESCRIPTOR = pool.AddSerializedFile(b"\\xff\\xff")']
)
def test_a_damaged_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    (tmp_path / "damaged_proto").mkdir()
    (tmp_path / "damaged_proto" / "x_pb2.py").write_bytes(content)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ConfigurationError, match=r"x_pb2\.py (cannot be read|holds a broken)"):
        read_package("damaged_proto")


# --- files ----------------------------------------------------------------------------------
def file_set(*files: FileDescriptorProto) -> bytes:
    return FileDescriptorSet(file=files).SerializeToString()


@pytest.mark.parametrize("suffix", FILE_SUFFIXES)
def test_a_descriptor_set_file_is_read(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cue{suffix}"
    path.write_bytes(file_set(*opencue().files))
    source = choose_source(str(path), NOT_ASKED)
    assert isinstance(source, FileSource)
    schema = source.read()
    assert (schema.digest, schema.origin) == (opencue().digest, str(path))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not protobuf",
        b"\x0a\x05abc",
        b"\x0a\x00",
        b"\x0a\x03\x0a\x01\xff",
        b"{}",
        b"\x1f\x8b",
    ],
)
def test_files_that_are_no_descriptor_set(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.desc"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=r"DESCRIPTOR_SOURCE: .*x\.desc is not a File"):
        choose_source(str(path), NOT_ASKED)


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.pb"

    def refuse(path: Path, mode: str) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ConfigurationError, match=r"cannot read .*x\.pb: Permission denied"):
        choose_source(str(path), NOT_ASKED)


def test_a_truncated_file_never_crashes(made: Made, tmp_path: Path) -> None:
    whole = made.file.read_bytes()
    path = tmp_path / "cut.binpb"
    for end in range(0, len(whole), 23):
        path.write_bytes(whole[:end])
        try:
            build_catalog(read_file(path), Selection())
        except (ConfigurationError, NoSchema):
            continue
        assert whole[end : end + 1] == b"\x0a", "the cut is not between two files"


def test_a_damaged_file_never_crashes(made: Made, tmp_path: Path) -> None:
    random = Random(4)  # noqa: S311 - the same damage every time
    whole = file_set(*made.files)
    path = tmp_path / "damaged.binpb"
    for _ in range(100):
        content = bytearray(whole)
        for _ in range(random.choice((1, 1, 3))):
            content[random.randrange(len(content))] = random.randrange(256)
        path.write_bytes(content)
        try:
            build_catalog(read_file(path), Selection())
        except (ConfigurationError, NoSchema):
            continue


@pytest.mark.parametrize("name", [b"not_before", b"notBefore"], ids=["name", "JSON name"])
def test_a_name_that_is_not_utf_8(made: Made, tmp_path: Path, name: bytes) -> None:
    path = tmp_path / "odd.binpb"
    path.write_bytes(made.file.read_bytes().replace(name, name.replace(b"o", b"\xf6", 1)))
    catalog = build_catalog(read_file(path), Selection())
    assert set(catalog.routes) == {path for path in ROUTES if path.endswith("Empty")}
    (skip,) = catalog.absent.skipped
    assert skip.service == "shop.ShopInterface"
    assert "shop.proto is not a valid file" in skip.reason


def test_a_file_without_its_imports(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "alone.binpb"
    path.write_bytes(file_set(*(file for file in made.files if file.name == "shop.proto")))
    with pytest.raises(
        NoSchema, match=r"imports parts/crate\.proto, which the source does not have"
    ):
        build_catalog(read_file(path), Selection())


def test_comments_of_a_file_in_an_old_encoding(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "old.binpb"
    path.write_bytes(made.file.read_bytes().replace(b"Looks at one", b"D\xe9j\xe0 vu     "))
    schema = read_file(path)
    assert schema.digest == bare(made).digest
    said = [
        place.leading_comments for file in schema.files for place in file.source_code_info.location
    ]
    assert any("Déjà vu" in comment for comment in said)


@pytest.mark.anyio
async def test_a_file_is_read_again_each_time(made: Made, tmp_path: Path) -> None:
    path = tmp_path / "fruit.desc"
    path.write_bytes(file_set(*made.files))
    source = choose_source(str(path), NOT_ASKED)
    live = LiveCatalog(source, Selection(), Profile(), build=build_catalog)
    assert await live.attempt()
    first = live.current
    for damage in (partial(path.write_bytes, b"half a fi"), path.unlink):
        damage()
        with pytest.raises(NoSchema, match=r"DESCRIPTOR_SOURCE: .*fruit\.desc"):
            await source.fetch()
        assert not await live.attempt()
        assert live.current is first
        assert "could not be refreshed" in live.history.problem
        assert "turn on server reflection" not in live.history.problem
    path.write_bytes(file_set(*(file for file in made.files if file.name != "shop.proto")))
    assert await live.attempt()
    assert live.history.problem == ""
    assert live.current is not None
    assert "/shop.ShopInterface/GetCrate" not in live.current.routes
    assert "/parts.CrateInterface/Empty" in live.current.routes


# --- the setting ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("nonsense", "'nonsense' is none of auto, reflection, package:NAME"),
        ("cue.json", "or a directory of .proto files"),
        ("", "'' is none of"),
        ("AUTO", "'AUTO' is none of"),
        ("package:not_there_at_all", "the Python package not_there_at_all is not installed"),
        ("/nowhere/at/all.binpb", "cannot read /nowhere/at/all.binpb: No such file or directory"),
        ("/nowhere/at/all", "'/nowhere/at/all' is none of"),
        (PACKAGE_PREFIX + OPENCUE_PACKAGE, "pip install 'cuebot-gateway[opencue]'"),
    ],
)
def test_a_wrong_source_stops_startup(
    monkeypatch: pytest.MonkeyPatch, value: str, words: str
) -> None:
    monkeypatch.setattr("gateway.core.discovery.files.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError) as caught:
        choose_source(value, NOT_ASKED)
    assert str(caught.value).startswith("DESCRIPTOR_SOURCE: ")
    assert words in str(caught.value)


def test_reflection_alone_is_just_that() -> None:
    assert choose_source("reflection", NOT_ASKED) is NOT_ASKED
    assert isinstance(choose_source("auto", NOT_ASKED), AutoSource)
