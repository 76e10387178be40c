"""`cuebot-gateway describe`, and proto text, which compiles into the same descriptors again."""

import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto as ProtoField
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

from gateway.core.codec.fields import json_name
from gateway.core.schema.description import Declaration, build_pool, declarations, well_known_files
from gateway_cli.commands.describe import find_declarations
from gateway_cli.prototext import proto_text, syntax_of
from tests.support.commands import OPENCUE, Ran, assert_one_line, in_process
from tests.support.needs import needs
from tests.support.opencue import opencue
from tests.support.protos import file_of_services, trial


def describe(name: str, **environ: str) -> Ran:
    return in_process("describe", name, **({"DESCRIPTOR_SOURCE": OPENCUE} | environ))


def printed(name: str, **environ: str) -> str:
    ran = describe(name, **environ)
    assert (ran.status, ran.err) == (0, "")
    return ran.text


METHOD = """\
// POST /job.FrameInterface/GetFrame, also /frame.FrameInterface/GetFrame
// Find a frame by its id: its state, exit status, host, memory and number of tries
rpc GetFrame(FrameGetFrameRequest) returns (FrameGetFrameResponse);

// message job.FrameGetFrameRequest, job.proto (proto3)
message FrameGetFrameRequest {
  string id = 1;
}

// message job.FrameGetFrameResponse, job.proto (proto3)
message FrameGetFrameResponse {
  Frame frame = 1;
}

// Columns of views
//   coreHours   totalCoreTime in hours
//   memoryUsed  usedMemory as a share of reservedMemory: 1 is all of it
//   runtime     seconds from startTime to stopTime, or until now
"""


@needs("views")
def test_columns_of_owners_are_those_of_a_method() -> None:
    shown = "//   user        user of its Job"
    assert shown in printed("Proc/GetProcs")
    assert shown not in printed("host.Proc")
    assert "//   memoryUsed  " in printed("host.Proc")


@needs("views")
@pytest.mark.parametrize("name", ["/frame.FrameInterface/GetFrame", "frameinterface/getframe"])
def test_a_method(name: str) -> None:
    assert printed(name) == METHOD


@pytest.mark.parametrize(
    ("name", "start", "line"),
    [
        ("HostGetHostsRequest", "// message host.HostGetHostsRequest, host.proto (proto3)\nmess",
         "  HostSearchCriteria r = 1;"),
        ("JobState", "// enum job.JobState, job.proto (proto3)\nenum JobState {\n",
         "  PENDING = 0;"),
        ("frame.FrameInterface", "// service job.FrameInterface, job.proto (proto3)\nservice Frame",
         "  rpc GetFrame(FrameGetFrameRequest) returns (FrameGetFrameResponse);"),
        ("RqdReportInterface/ReportStatus",
         "// /report.RqdReportInterface/ReportStatus is not served: never served by default\n", ""),
        ("google.protobuf.Timestamp", "// message google.protobuf.Timestamp, ",
         "  int64 seconds = 1;"),
    ],
)  # fmt: skip
def test_what_is_printed(name: str, start: str, line: str) -> None:
    out = printed(name)
    assert out.startswith(start)
    assert line in out.splitlines() or not line


def test_a_withheld_method() -> None:
    first = printed("GetShows", EXCLUDE_SERVICES="show.*").splitlines()[0]
    assert first == "// /show.ShowInterface/GetShows is not served: EXCLUDE_SERVICES has show.*"


def test_too_many_candidates() -> None:
    assert len(describe("Delete").err.splitlines()) <= 42


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Layr", "did you mean Layer?"),
        ("/job.JobInterface/GetJbs", "did you mean job.JobInterface.GetJobs or job.J"),
        ("", "''"),
    ],
)
def test_an_unknown_name(name: str, hint: str) -> None:
    ran = describe(name)
    assert (ran.status, ran.out) == (1, b"")
    assert_one_line(ran, hint)


def test_words_that_are_no_name() -> None:
    ran = in_process("describe", "pause", "job", DESCRIPTOR_SOURCE=OPENCUE)
    assert (ran.status, ran.out) == (1, b"")
    first, best, *_ = ran.err.splitlines()
    named = "cuebot-gateway: no message, enum, service or method is named 'pause job'"
    assert first == f"{named}; methods with these words:"
    assert re.fullmatch(r"  /job\.JobInterface/Pause +Pause a job: .*", best)
    assert re.search(r"\n  /job\.JobInterface/Pause +Pause", describe("paus jobb").err)
    assert len(describe("dead").err.splitlines()) == 9
    assert_one_line(describe("zzzzzz yyyyyy"), "'zzzzzz yyyyyy'")


def test_notes_on_fields_and_summaries_are_comments() -> None:
    lines = printed("job.Job").splitlines()
    above = lines[lines.index("  string log_dir = 14;") - 1]
    assert above.startswith("  // The directory of the logs.")
    lines = printed("JobInterface").splitlines()
    above = lines[lines.index("  rpc Pause(JobPauseRequest) returns (JobPauseResponse);") - 1]
    assert above.startswith("  // Pause a job: ")


def test_a_summary_and_a_note_stand_before_the_comment(tmp_path: Path) -> None:
    file = file_of_services("farm.Farm", ["Get"])
    file.message_type.add(name="Pool").field.add(
        name="max_size", number=1, type=ProtoField.TYPE_INT32, label=ProtoField.LABEL_OPTIONAL
    )
    for place, text in (((6, 0, 2, 0), " Gets.\n"), ((4, 1, 2, 0), " A size.\n")):
        file.source_code_info.location.add(path=place, leading_comments=text)
    (tmp_path / "farm.binpb").write_bytes(FileDescriptorSet(file=[file]).SerializeToString())
    (tmp_path / "mine.toml").write_text(
        '[summaries.methods."farm.Farm"]\nGet = "Fetch it"\n'
        '[summaries.fields."farm.Pool"]\nmaxSize = "In cores."\n'
    )
    profile = str(tmp_path / "mine.toml")
    environ = {"DESCRIPTOR_SOURCE": str(tmp_path / "farm.binpb")}
    assert "/farm.Farm/Get\n// Gets.\nrpc Get" in printed("farm.Farm.Get", **environ)
    environ["COMPAT_PROFILE"] = profile
    assert "\n// Fetch it\n//\n// Gets.\nrpc Get" in printed("farm.Farm.Get", **environ)
    assert "  // In cores.\n  //\n  // A size.\n" in printed("farm.Pool", **environ)


def test_other_syntaxes(tmp_path: Path) -> None:
    file = tmp_path / "trial.binpb"
    file.write_bytes(FileDescriptorSet(file=trial().files).SerializeToString())
    source = {"DESCRIPTOR_SOURCE": str(file)}
    assert "(proto2; printed without" in printed("trial.two.Groups", **source)
    assert "(edition 2023; printed without" in printed("trial.editions.Presence", **source)
    out = printed("GetLeaf", **source)
    assert out.count("message Leaf {") == 1


def test_a_method_whose_types_are_missing(tmp_path: Path) -> None:
    good = file_of_services("good.Farm", ["Get"])
    broken = file_of_services("broken.Lost", ["Find"])
    broken.dependency.append("gone.proto")
    (find,) = broken.service[0].method
    find.input_type = find.output_type = ".gone.Job"
    file = tmp_path / "farm.binpb"
    file.write_bytes(FileDescriptorSet(file=[good, broken]).SerializeToString())
    assert printed("Find", DESCRIPTOR_SOURCE=str(file)) == (
        "// /broken.Lost/Find is not served: see cuebot-gateway check\n"
        "rpc Find(gone.Job) returns (gone.Job);\n"
    )


def test_comments_cannot_steer_the_terminal(tmp_path: Path) -> None:
    sent = file_of_services("farm.Farm", ["Get"])
    sent.source_code_info.location.add(path=(4, 0), leading_comments=" \x1b[2J é\u202e\n")
    file = tmp_path / "farm.binpb"
    file.write_bytes(FileDescriptorSet(file=[sent]).SerializeToString())
    out = printed("Nothing", DESCRIPTOR_SOURCE=str(file))
    assert out.splitlines()[1] == "// \\u001b[2J é\\u202e"


INCLUDED = files("grpc_tools") / "_proto"
PROTO3 = [file for file in trial().files if file.syntax == "proto3"]


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


def printer(*sources: FileDescriptorProto) -> Callable[[Declaration], str]:
    """The function that prints declarations of these files."""
    pool, broken = build_pool(sources)
    assert not broken
    return lambda declaration: proto_text(declaration, pool)


def whole(file: FileDescriptorProto, text: Callable[[Declaration], str]) -> str:
    """The file's text: its head, and its top-level declarations as they are printed."""
    syntax = syntax_of(file)
    kind, _, edition = syntax.partition(" ")
    head = [f'edition = "{edition}";' if edition else f'syntax = "{kind}";']
    head += [f"package {file.package};"] * bool(file.package)
    head += [f'import "{name}";' for name in file.dependency]
    bodies = [text(each) for each in declarations([file]) if len(each.path) == 2]
    return "\n".join(head + bodies)


def without_file_level(file: FileDescriptorProto) -> FileDescriptorProto:
    """The messages, enums and services of a file; `rpc A(B) returns (C) {}` has empty options."""
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


@pytest.mark.parametrize("files", [opencue().files, PROTO3], ids=["OpenCue", "trial"])
def test_every_declaration_compiles_again(files: Iterable[FileDescriptorProto]) -> None:
    assert_same(own_files(files))


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
syntax = "proto3";
package farm;
import "options.proto";

message Everything {
  option deprecated = true;
  option (options.mark) = "\001\"x";
  int32 cores = 1 [
    deprecated = true, json_name = "Kerne",
    (options.unit) = "1/100 \"core\"\n\tü",
    (options.limits) = { most: 4 names: ["a", "b"] },
    (options.levels) = LOW, (options.levels) = HIGH];
  int64 size = 2 [jstype = JS_STRING];
  repeated int32 packed = 3 [packed = true];
  oneof choice {
    option (options.weight) = -9;
    string word = 9 [deprecated = true];
  }
  enum State {
    option allow_alias = true;
    UP = 0;
    RUNNING = 0 [deprecated = true, (options.hidden) = true];
    BELOW = -1;
    reserved 4, 6 to 8, -5 to -3, 100 to max;
    reserved "GONE", "LOST";
  }
  reserved 20, 22 to 24, 1000 to max;
  reserved "old", "older";
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
    written = {"everything.proto": EVERYTHING, "options.proto": OPTIONS}
    assert_same(
        own_files(compiled(written, "--retain_options").values()), {"options.proto": OPTIONS}
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
  required int32 cores = 2;  // in hundredths

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
  required int32 cores = 2;  // in hundredths
  // Above.
  // Below,
  // in two lines.
  optional int32 both = 3;
  // One of these.
  oneof choice {
    // A word.
    string word = 4;
  }
}
"""


def test_comments_are_kept() -> None:
    sources = own_files(compiled({"job.proto": COMMENTS}, "--include_source_info").values())
    text = printer(*sources.values())
    assert text(named("farm.Job", sources)) == COMMENTED.strip()
    expected = (
        "// The farm.\nservice Farm {\n  // Gets.\n  rpc Get(Job) returns (Job);  // quickly\n}"
    )
    assert text(named("farm.Farm", sources)) == expected
    method = text(named("farm.Farm.Get", sources))
    assert method == "// Gets.\nrpc Get(Job) returns (Job);  // quickly"


def test_what_is_not_printed() -> None:
    text = printer(*opencue().files)
    sources = own_files(opencue().files)
    assert text(named("job.GroupGetJobsRequest", sources)).count("json_name") == 0
    assert "Entry" not in text(named("service.Service", sources))
    assert text(named("show.ShowGetShowsRequest", sources)) == "message ShowGetShowsRequest {}"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("job.Job", "job.Job"),
        (".job.Job", "job.Job"),
        ("/job.JobInterface/GetJobs", "job.JobInterface.GetJobs"),
        ("job.JobInterface/GetJobs", "job.JobInterface.GetJobs"),
        ("job.JobInterface.GetJobs", "job.JobInterface.GetJobs"),
        ("/frame.FrameInterface/Eat", "job.FrameInterface.Eat"),
        ("frame.FrameInterface", "job.FrameInterface"),
        ("JobInterface", "job.JobInterface"),
        ("JobInterface/GetJobs", "job.JobInterface.GetJobs"),
        ("Job/GetJobs", "job.JobInterface.GetJobs"),
        ("/job/getjobs", "job.JobInterface.GetJobs"),
        ("Job", "job.Job"),
        ("jobstate", "job.JobState"),
        ("FindJob", "job.JobInterface.FindJob"),
        ("Eat", "job.FrameInterface.Eat"),
        ("google.protobuf.Type", "google.protobuf.Type"),
        ("Timestamp", "google.protobuf.Timestamp"),
        ("Nothing", None),
        ("", None),
        ("/", None),
    ],
)
def test_what_a_name_means(name: str, found: str | None) -> None:
    declared = declarations([*well_known_files().values(), *opencue().files])
    meant = find_declarations(name, declared, {"frame.FrameInterface": "job.FrameInterface"})
    assert [each.name for each in meant] == ([found] if found else [])


def test_a_name_may_mean_several_things() -> None:
    declared = [*declarations([*well_known_files().values(), *opencue().files])]
    meant = [each.name for each in find_declarations("GetJobs", declared, {})]
    assert {"job.JobInterface.GetJobs", "job.GroupInterface.GetJobs"} <= set(meant)
    own = FileDescriptorProto(name="own.proto", package="farm")
    own.message_type.add(name="Type")
    meant = [each.name for each in find_declarations("Type", [*declared, *declarations([own])], {})]
    assert meant == ["farm.Type"]


def test_only_map_entries_are_nobody_s() -> None:
    names = {each.name for each in declarations(trial().files)}
    assert {"trial.OneOfs.Inner", "trial.two.Groups.Several.Deeper"} <= names
    assert not any(name.endswith("Entry") for name in names)
