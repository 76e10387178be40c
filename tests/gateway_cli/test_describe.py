"""`cuebot-gateway describe`."""

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto, FileDescriptorSet

from tests.support.commands import (
    OPENCUE,
    Ran,
    assert_one_line,
    child,
    in_process,
)
from tests.support.protos import trial


def describe(name: str, **environ: str) -> Ran:
    return in_process("describe", name, **({"DESCRIPTOR_SOURCE": OPENCUE} | environ))


def printed(name: str, **environ: str) -> str:
    ran = describe(name, **environ)
    assert (ran.status, ran.err) == (0, "")
    return ran.text


METHOD = """\
// POST /job.FrameInterface/GetFrame, also /frame.FrameInterface/GetFrame
rpc GetFrame(FrameGetFrameRequest) returns (FrameGetFrameResponse);

// message job.FrameGetFrameRequest, job.proto (proto3)
message FrameGetFrameRequest {
  string id = 1;
}

// message job.FrameGetFrameResponse, job.proto (proto3)
message FrameGetFrameResponse {
  Frame frame = 1;
}
"""


@pytest.mark.parametrize(
    "name",
    [
        "/job.FrameInterface/GetFrame",
        "/frame.FrameInterface/GetFrame",
        "job.FrameInterface.GetFrame",
        "FrameInterface/GetFrame",
        "frameinterface/getframe",
    ],
)
def test_a_method(name: str) -> None:
    """Where it is served, its rpc, its request and its response, by any of its names."""
    assert printed(name) == METHOD


def test_a_message() -> None:
    """The last part of a name is enough if it is unambiguous; the heading has the file."""
    out = printed("HostGetHostsRequest")
    assert out.startswith("// message host.HostGetHostsRequest, host.proto (proto3)\nmessage Host")
    assert "\n  HostSearchCriteria r = 1;\n" in out


def test_an_enum() -> None:
    """Values with their numbers."""
    out = printed("JobState")
    assert out.startswith("// enum job.JobState, job.proto (proto3)\nenum JobState {\n")
    assert "  PENDING = 0;\n" in out


def test_a_service() -> None:
    """All of its methods, also by an alias."""
    out = printed("frame.FrameInterface")
    assert out.startswith("// service job.FrameInterface, job.proto (proto3)\nservice Frame")
    assert "  rpc GetFrame(FrameGetFrameRequest) returns (FrameGetFrameResponse);\n" in out


def test_a_withheld_method() -> None:
    """The heading has the rule instead of a path."""
    first = printed("RqdReportInterface/ReportStatus").splitlines()[0]
    path = "/report.RqdReportInterface/ReportStatus"
    assert first == f"// {path} is not served: never served by default"
    first = printed("GetShows", EXCLUDE_SERVICES="show.*").splitlines()[0]
    assert first == "// /show.ShowInterface/GetShows is not served: EXCLUDE_SERVICES has show.*"


def test_protobufs_own_types() -> None:
    """Protobuf's own types are known although OpenCue's files do not have them."""
    assert "message Timestamp {" in printed("google.protobuf.Timestamp")


def test_an_unclear_name() -> None:
    """All candidates are listed by names that `describe` takes; exit status 1."""
    ran = describe("GetJob")
    assert (ran.status, ran.out) == (1, b"")
    first, *candidates = ran.err.splitlines()
    assert first == "cuebot-gateway: 'GetJob' is ambiguous:"
    assert candidates == [
        "  method /host.ProcInterface/GetJob",
        "  method /job.JobInterface/GetJob",
    ]
    for candidate in candidates:
        assert describe(candidate.split()[1]).status == 0


@pytest.mark.parametrize("name", ["Job/GetJobs", "/job/getjobs", "JobInterface/GetJobs"])
def test_a_short_name_as_call_takes_it(name: str) -> None:
    """Interface and method, without the package."""
    assert "rpc GetJobs(" in describe(name).out.decode()


def test_too_many_candidates() -> None:
    """A long list of candidates is cut."""
    assert len(describe("Delete").err.splitlines()) <= 42


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Layr", "did you mean Layer?"),
        ("/job.JobInterface/GetJbs", "did you mean job.JobInterface.GetJobs?"),
        ("", "''"),
    ],
)
def test_an_unknown_name(name: str, hint: str) -> None:
    """One line with the nearest name, exit status 1."""
    ran = describe(name)
    assert (ran.status, ran.out) == (1, b"")
    assert_one_line(ran, hint)


def test_other_syntaxes(tmp_path: Path) -> None:
    """The heading has the syntax; a type that is both request and response is printed once."""
    file = tmp_path / "trial.binpb"
    file.write_bytes(FileDescriptorSet(file=trial().files).SerializeToString())
    source = {"DESCRIPTOR_SOURCE": str(file)}
    assert "(proto2)" in printed("trial.two.Groups", **source)
    assert "(edition 2023)" in printed("trial.editions.Presence", **source)
    out = printed("GetLeaf", **source)
    assert out.count("message Leaf {") == 1


def test_a_method_whose_types_are_missing(tmp_path: Path) -> None:
    """Missing types are left out, and the heading says that the method is not served."""
    good = FileDescriptorProto(name="good.proto", package="good", syntax="proto3")
    good.message_type.add(name="Job")
    good.service.add(name="Farm").method.add(
        name="Get", input_type=".good.Job", output_type=".good.Job"
    )
    broken = FileDescriptorProto(name="broken.proto", package="broken", syntax="proto3")
    broken.dependency.append("gone.proto")
    broken.service.add(name="Lost").method.add(
        name="Find", input_type=".gone.Job", output_type=".gone.Job"
    )
    file = tmp_path / "farm.binpb"
    file.write_bytes(FileDescriptorSet(file=[good, broken]).SerializeToString())
    assert printed("Find", DESCRIPTOR_SOURCE=str(file)) == (
        "// /broken.Lost/Find is not served: see cuebot-gateway check\n"
        "rpc Find(.gone.Job) returns (.gone.Job);\n"
    )


def test_comments_cannot_steer_the_terminal(tmp_path: Path) -> None:
    """What a server sends is shown with its control characters escaped."""
    sent = FileDescriptorProto(name="farm.proto", package="farm", syntax="proto3")
    sent.message_type.add(name="Job")
    sent.service.add(name="Farm").method.add(
        name="Get", input_type=".farm.Job", output_type=".farm.Job"
    )
    sent.source_code_info.location.add(path=(4, 0), leading_comments=" \x1b[2J é\u202e\n")
    file = tmp_path / "farm.binpb"
    file.write_bytes(FileDescriptorSet(file=[sent]).SerializeToString())
    out = printed("Job", DESCRIPTOR_SOURCE=str(file))
    assert out.splitlines()[1] == "// \\u001b[2J é\\u202e"


@pytest.mark.slow
def test_cuebot_is_asked(cuebot_process: str) -> None:
    """By default the schema is Cuebot's own."""
    name = "/frame.FrameInterface/GetFrame"
    ran = child("describe", name, CUEBOT_ENDPOINT=cuebot_process, DESCRIPTOR_SOURCE="reflection")
    assert (ran.status, ran.err, ran.text) == (0, "", METHOD)
