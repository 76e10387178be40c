"""Proto text: what is printed compiles again, into the descriptors that it was printed from."""

import tempfile
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

from gateway.codec.fields import json_name
from gateway.schema.description import Declaration, declarations
from gateway.schema.pool import build_pool, well_known_files
from gateway_cli.describe.prototext import ProtoText, Scopes, syntax_of
from gateway_cli.describe.reference import find_declarations
from tests.support.opencue import opencue
from tests.support.protos import trial

INCLUDED = files("grpc_tools") / "_proto"


def compiled(texts: Mapping[str, str], *flags: str) -> dict[str, FileDescriptorProto]:
    """What protoc makes of these files, by name."""
    with tempfile.TemporaryDirectory() as folder:
        for name, text in texts.items():
            (Path(folder) / name).write_text(text, encoding="utf-8")
        output = Path(folder) / "set.binpb"
        arguments = [
            *("protoc", f"--proto_path={folder}", f"--proto_path={INCLUDED}", *flags),
            *("--include_imports", f"--descriptor_set_out={output}", *texts),
        ]
        assert protoc.main(arguments) == 0
        found = FileDescriptorSet.FromString(output.read_bytes())
    return {file.name: file for file in found.file}


def printer(*sources: FileDescriptorProto) -> ProtoText:
    pool, broken = build_pool(sources)
    assert not broken
    return ProtoText((well_known_files() | {file.name: file for file in sources}).values(), pool)


def whole(file: FileDescriptorProto, text: ProtoText) -> str:
    """The file's text: its head, and its top-level declarations as they are printed.

    A file that extends others has to be given as it is, since extensions are not declarations.
    """
    syntax = syntax_of(file)
    kind, _, edition = syntax.partition(" ")
    head = [f'edition = "{edition}";' if edition else f'syntax = "{kind}";']
    head += [f"package {file.package};"] * bool(file.package)
    head += [f'import "{name}";' for name in file.dependency]
    bodies = [text.of(each) for each in declarations([file]) if len(each.path) == 2]
    return "\n".join(head + bodies)


def without_file_level(file: FileDescriptorProto) -> FileDescriptorProto:
    """The messages, enums and services of a file, and how fields are called in JSON.

    `rpc A(B) returns (C) {}` has options, and none in them.
    """
    bare = FileDescriptorProto()
    bare.CopyFrom(file)
    for name in ("extension", "options", "source_code_info"):
        bare.ClearField(name)
    for message in bare.message_type:
        settle(message)
    for service in bare.service:
        for method in service.method:
            if not method.options.ListFields():
                method.ClearField("options")
    return bare


def settle(message: Any) -> None:
    """Fill in the JSON names that some sources leave out, and sort what has no order."""
    for field in (*message.field, *message.extension):
        field.json_name = field.json_name or json_name(field.name)
    for nested in message.nested_type:
        settle(nested)
    nested = sorted(message.nested_type, key=lambda each: each.name)
    del message.nested_type[:]
    message.nested_type.extend(nested)


def assert_same(sources: Mapping[str, FileDescriptorProto], given: Mapping[str, str] = {}) -> None:
    text = printer(*sources.values())
    texts = {name: whole(file, text) for name, file in sources.items()} | dict(given)
    again = compiled(texts, "--retain_options")
    for name, file in sources.items():
        assert without_file_level(again[name]) == without_file_level(file), name


def own_files(sources: Any) -> dict[str, FileDescriptorProto]:
    return {file.name: file for file in sources if not file.name.startswith("google/")}


def test_opencue_compiles_again() -> None:
    """Every declaration of OpenCue's protos is printed as it was meant."""
    assert_same(own_files(opencue().files))


def test_every_syntax_compiles_again() -> None:
    """So is what proto2, proto3 and editions have of their own."""
    assert_same(own_files(trial().files))


OPTIONS = """
syntax = "proto2";
package farm.options;
import "google/protobuf/descriptor.proto";

message Limits { optional int32 most = 1; repeated string names = 2; }
enum Level { LOW = 0; HIGH = 5; }

extend google.protobuf.FieldOptions {
  optional string unit = 50001;
  optional Limits limits = 50002;
  repeated Level levels = 50003;
}
extend google.protobuf.MethodOptions { optional double cost = 50001; }
extend google.protobuf.MessageOptions { optional bytes mark = 50001; }
extend google.protobuf.EnumValueOptions { optional bool hidden = 50001; }
extend google.protobuf.ServiceOptions { optional string owner = 50001; }
extend google.protobuf.OneofOptions { optional int64 weight = 50001; }
"""

EVERYTHING = r"""
syntax = "proto2";
package farm;
import "options.proto";

message Everything {
  option deprecated = true;
  option (options.mark) = "\001\"x";
  optional int32 cores = 1 [
    default = -3, deprecated = true, json_name = "Kerne",
    (options.unit) = "1/100 \"core\"\n\tü",
    (options.limits) = { most: 4 names: ["a", "b"] },
    (options.levels) = LOW, (options.levels) = HIGH];
  optional int64 size = 2 [jstype = JS_STRING];
  repeated int32 packed = 3 [packed = true];
  optional string text = 4 [default = "a \"b\" \\ \n\001 ü 𝄞"];
  optional bytes data = 5 [default = "\"\377\'\\"];
  optional double endless = 6 [default = inf];
  optional double none = 7 [default = nan];
  optional double small = 8 [default = 1.5e-30];
  oneof choice {
    option (options.weight) = -9;
    string word = 9 [deprecated = true];
  }
  enum State {
    option allow_alias = true;
    option deprecated = true;
    UP = 0;
    RUNNING = 0 [deprecated = true, (options.hidden) = true];
    BELOW = -1;
    reserved 4, 6 to 8, -5 to -3, 100 to max;
    reserved "GONE", "LOST";
  }
  reserved 20, 22 to 24, 1000 to max;
  reserved "old", "older";
  extensions 100 to 199, 300;
  extensions 400 to 499 [
    verification = DECLARATION,
    declaration = { number: 400 full_name: ".farm.far" type: "int32" }
  ];
}

message Set {
  option message_set_wire_format = true;
  extensions 4 to max;
}

service Farm {
  option deprecated = true;
  option (options.owner) = "lena";
  rpc Get(Everything) returns (stream options.Limits) {
    option idempotency_level = NO_SIDE_EFFECTS;
    option (options.cost) = 0.5;
  }
  rpc Put(stream options.Limits) returns (options.Limits);
}
"""


def test_options_compile_again() -> None:
    """Options, also those that the schema defines itself, defaults and reserved numbers stay."""
    written = {"everything.proto": EVERYTHING, "options.proto": OPTIONS}
    assert_same(
        own_files(compiled(written, "--retain_options").values()), {"options.proto": OPTIONS}
    )


EDITION = """
edition = "2024";
package farm.edition;
option features.field_presence = IMPLICIT;

export message Outer {
  local message Inner { string text = 1; }
  local enum State { option features.enum_type = CLOSED; UP = 1; }
  Inner inner = 1 [features.message_encoding = DELIMITED];
  string name = 2 [features = { field_presence: EXPLICIT utf8_validation: NONE }];
  reserved 7 to max;
  reserved old, older;
}
local message Hidden {}
"""


def test_visibility_and_features_compile_again() -> None:
    """So do the features of editions, and who may see a type."""
    assert_same(own_files(compiled({"edition.proto": EDITION}).values()))


NAMES = """
syntax = "proto3";
package farm.job;
import "other.proto";

message Job {
  message Job { message Layer { int32 number = 1; } Layer layer = 1; }
  message host { int32 number = 1; }
  enum State { UP = 0; }
  Job inner = 1;
  .farm.job.Job outer = 2;
  Layer layer = 3;
  Job.Layer deep = 4;
  .farm.job.Layer shallow = 7;
  host own = 5;
  .farm.host.Host other = 6;
  State state = 8;
  map<string, .farm.host.Host> hosts = 9;
  message Layer { string name = 1; }
}
message Layer { .farm.job.Job.Job job = 1; farm.host.Host host = 2; }
service Jobs { rpc Job(.farm.job.Job) returns (Job.Job); }
"""
OTHER = 'syntax = "proto3"; package farm.host; message Host { int32 job = 1; }'


def test_types_are_called_what_they_can_be_called() -> None:
    """A type's name is as short as its scope allows, and means the same type to protoc."""
    sources = own_files(compiled({"names.proto": NAMES, "other.proto": OTHER}).values())
    assert_same(sources)
    text = printer(*sources.values())
    outer = text.of(named("farm.job.Job", sources))
    assert "  Job inner = 1;" in outer
    assert "  job.Job outer = 2;" in outer
    assert "  job.Layer shallow = 7;" in outer
    assert "  Job.Layer deep = 4;" in outer
    assert "  farm.host.Host other = 6;" in outer
    assert "  map<string, farm.host.Host> hosts = 9;" in outer
    assert "  host.Host host = 2;" in text.of(named("farm.job.Layer", sources))


@pytest.mark.parametrize(
    ("target", "scope", "name"),
    [
        ("farm.job.Job", "farm.host.Host", "job.Job"),
        ("farm.job.Job", "", "farm.job.Job"),
        ("farm.job.Job.Job", "farm.job.Layer", "Job.Job"),
        ("elsewhere.Thing", "farm.job", ".elsewhere.Thing"),
    ],
)
def test_shortest_name(target: str, scope: str, name: str) -> None:
    """From another scope the same type has another shortest name; an unknown one its full."""
    sources = own_files(compiled({"names.proto": NAMES, "other.proto": OTHER}).values())
    assert Scopes(sources.values()).shortest(target, scope) == name


HIDDEN = """
syntax = "proto2";
package farm.sub;
import "job.proto";

extend farm.Job { optional int32 Job = 100; }
enum State { Host = 0; }
message Sizes {
  optional Job first = 1;
  extend farm.Job { optional Host second = 101; }
}
service Jobs { rpc Get(farm.Job) returns (farm.Host); }
"""
HIDDEN_JOB = """
syntax = "proto2";
package farm;
message Job { extensions 100 to 199; }
message Host {}
"""


def test_what_hides_a_type() -> None:
    """Extensions and enum values hide types from methods, but not from fields."""
    sources = own_files(compiled({"hidden.proto": HIDDEN, "job.proto": HIDDEN_JOB}).values())
    text = printer(*sources.values())
    assert text.of(named("farm.sub.Jobs.Get", sources)) == "rpc Get(farm.Job) returns (farm.Host);"
    assert "  optional Job first = 1;\n" in text.of(named("farm.sub.Sizes", sources))
    assert "  extend farm.Job {\n    optional Host second" in text.of(
        named("farm.sub.Sizes", sources)
    )


def named(name: str, sources: Mapping[str, FileDescriptorProto]) -> Declaration:
    (found,) = [each for each in declarations(sources.values()) if each.name == name]
    return found


COMMENTS = """
syntax = "proto2";
package farm;

// Far above.

// A job.
//   Of several lines.
message Job {  // begins here
  /* Its name,
   * in full. */
  optional string name = 1;
  optional int32 cores = 2;  // in hundredths

  // Above.
  optional int32 both = 3;
  // Below,
  // in two lines.

  // One of these.
  oneof choice {
    // A word.
    string word = 4;
  }
  // A state.
  enum State {
    // Up.
    UP = 0;
  }
  // A group.
  repeated group Part = 5 {
    // Of a part.
    optional int32 number = 1;
  }
}
// The farm.
service Farm {
  // Gets.
  rpc Get(Job) returns (Job);  // quickly
}
"""

COMMENTED = """
// A job.
//   Of several lines.
message Job {  // begins here
  // A state.
  enum State {
    // Up.
    UP = 0;
  }

  // Its name,
  // in full.
  optional string name = 1;
  optional int32 cores = 2;  // in hundredths
  // Above.
  // Below,
  // in two lines.
  optional int32 both = 3;
  // One of these.
  oneof choice {
    // A word.
    string word = 4;
  }
  // A group.
  repeated group Part = 5 {
    // Of a part.
    optional int32 number = 1;
  }
}
"""


def test_comments_are_kept() -> None:
    """What the source says about a thing stands above it, or short behind it."""
    sources = own_files(compiled({"job.proto": COMMENTS}, "--include_source_info").values())
    text = printer(*sources.values())
    assert text.of(named("farm.Job", sources)) == COMMENTED.strip()
    expected = (
        "// The farm.\nservice Farm {\n  // Gets.\n  rpc Get(Job) returns (Job);  // quickly\n}"
    )
    assert text.of(named("farm.Farm", sources)) == expected
    method = text.of(named("farm.Farm.Get", sources))
    assert method == "// Gets.\nrpc Get(Job) returns (Job);  // quickly"


def test_what_is_not_printed() -> None:
    """Empty bodies take one line; defaults of JSON names and map entries are not written."""
    text = printer(*opencue().files)
    sources = own_files(opencue().files)
    assert text.of(named("job.GroupGetJobsRequest", sources)).count("json_name") == 0
    assert "Entry" not in text.of(named("service.Service", sources))
    assert text.of(named("show.ShowGetShowsRequest", sources)) == "message ShowGetShowsRequest {}"


# --- Names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "found"),
    [
        pytest.param("job.Job", ["job.Job"], id="full"),
        pytest.param(".job.Job", ["job.Job"], id="leading dot"),
        pytest.param("/job.JobInterface/GetJobs", ["job.JobInterface.GetJobs"], id="path"),
        pytest.param("job.JobInterface/GetJobs", ["job.JobInterface.GetJobs"], id="no slash"),
        pytest.param("job.JobInterface.GetJobs", ["job.JobInterface.GetJobs"], id="dots"),
        pytest.param("/frame.FrameInterface/Eat", ["job.FrameInterface.Eat"], id="alias path"),
        pytest.param("frame.FrameInterface", ["job.FrameInterface"], id="alias"),
        pytest.param("JobInterface", ["job.JobInterface"], id="service"),
        pytest.param("JobInterface/GetJobs", ["job.JobInterface.GetJobs"], id="two parts"),
        pytest.param("Job", ["job.Job"], id="message"),
        pytest.param("jobstate", ["job.JobState"], id="any case"),
        pytest.param("FindJob", ["job.JobInterface.FindJob"], id="method"),
        pytest.param("Eat", ["job.FrameInterface.Eat"], id="not EatFrames"),
        pytest.param("google.protobuf.Type", ["google.protobuf.Type"], id="protobuf's own"),
        pytest.param("Timestamp", ["google.protobuf.Timestamp"], id="protobuf's own, short"),
        pytest.param("Nothing", [], id="none"),
        pytest.param("", [], id="empty"),
        pytest.param("/", [], id="slash"),
    ],
)
def test_what_a_name_means(name: str, found: list[str]) -> None:
    """Full names, paths, aliases and unambiguous last parts all lead to the one thing."""
    declared = declarations([*well_known_files().values(), *opencue().files])
    meant = find_declarations(name, declared, {"frame.FrameInterface": "job.FrameInterface"})
    assert [each.name for each in meant] == found


def test_a_name_may_mean_several_things() -> None:
    """All of them are given, protobuf's own not among them."""
    declared = [*declarations([*well_known_files().values(), *opencue().files])]
    meant = [each.name for each in find_declarations("GetJobs", declared, {})]
    assert {"job.JobInterface.GetJobs", "job.GroupInterface.GetJobs"} <= set(meant)
    own = FileDescriptorProto(name="own.proto", package="farm")
    own.message_type.add(name="Type")
    meant = [each.name for each in find_declarations("Type", [*declared, *declarations([own])], {})]
    assert meant == ["farm.Type"]


def test_only_map_entries_are_nobody_s() -> None:
    """Nested messages and enums are declared under their outer one's name."""
    names = {each.name for each in declarations(trial().files)}
    assert {"trial.OneOfs.Inner", "trial.two.Groups.Several.Deeper"} <= names
    assert not any(name.endswith("Entry") for name in names)
