"""`cuebot-gateway routes`, and what all commands about the schema have in common."""

from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from gateway.features.catalog import load_profile
from gateway_cli.commands.routes import Route, lines
from tests.support.commands import OPENCUE, Ran, assert_one_line, in_process
from tests.support.needs import needs
from tests.support.opencue import catalog
from tests.support.protos import trial

GET_FRAME = "/job.FrameInterface/GetFrame"
ALIAS = "/frame.FrameInterface/GetFrame"
FINDS_A_FRAME = load_profile("opencue").summaries.methods["job.FrameInterface"]["GetFrame"]


def routes(*arguments: str, **environ: str) -> Ran:
    return in_process("routes", *arguments, **({"DESCRIPTOR_SOURCE": OPENCUE} | environ))


def paths(ran: Ran) -> list[str]:
    """The first column, without its header."""
    assert (ran.status, ran.err) == (0, "")
    return [line.split()[0] for line in ran.text.splitlines()[1:]]


ALL_PATHS = sorted(catalog().routes)


def test_every_path_is_listed() -> None:
    assert paths(routes()) == ALL_PATHS


def test_a_row_tells_types_and_alias() -> None:
    out = routes("/getframe").text.splitlines()
    assert out[0].split() == ["PATH", "REQUEST", "RESPONSE", "ALIAS", "OF", "SUMMARY"]
    rows = {line.split()[0]: line.split(maxsplit=4)[1:] for line in out[1:]}
    types = ["job.FrameGetFrameRequest", "job.FrameGetFrameResponse"]
    assert rows[GET_FRAME][:2] == types
    assert rows[ALIAS][:3] == [*types, GET_FRAME]
    assert rows[ALIAS][3] == " ".join(rows[GET_FRAME][2:]) == FINDS_A_FRAME
    for column in (" job.", FINDS_A_FRAME):
        assert len({line.index(column) for line in out[1:] if column in line}) == 1


@pytest.mark.parametrize(
    "pattern",
    [
        "job.FrameInterface/GetFrame",
        "FRAMEINTERFACE/GETFRAME",
        "/job.*/getframe",
        "j?b.frame*frame",
    ],
)
def test_a_filter_is_a_part_or_a_glob(pattern: str) -> None:
    found = paths(routes(pattern))
    assert GET_FRAME in found
    assert "/show.ShowInterface/GetShows" not in found


@pytest.mark.parametrize("pattern", ["Job/GetJobs", "/job/getjobs", "jobinterface/getjobs"])
def test_a_filter_may_be_short(pattern: str) -> None:
    assert paths(routes(pattern)) == ["/job.JobInterface/GetJobs"]
    assert "/job.JobInterface/GetJobs" in paths(routes("Job/"))


@needs("reference")
def test_words_find_each_method_once() -> None:
    """Without its aliases, of which this one has three."""
    assert len(paths(routes("layer/kill"))) == 4
    assert paths(routes("kill", "layer"))[0] == "/job.LayerInterface/KillFrames"
    found = routes("kill", "layer", "--json").json
    assert {each["alias_of"] for each in found} == {None}
    assert len({each["path"] for each in found}) == len(found)


def test_native_paths_alone() -> None:
    found = paths(routes("frameinterface/getframe", "--native"))
    assert GET_FRAME in found
    assert ALIAS not in found


def test_json() -> None:
    ran = routes("frameinterface/getframe", "--json")
    assert (ran.status, ran.err) == (0, "")
    alias = next(each for each in ran.json if each["path"] == ALIAS)
    assert alias == {
        "path": ALIAS,
        "request": "job.FrameGetFrameRequest",
        "response": "job.FrameGetFrameResponse",
        "alias_of": GET_FRAME,
        "streaming": False,
        "summary": FINDS_A_FRAME,
    }
    native = next(each for each in ran.json if each["path"] == GET_FRAME)
    assert native["alias_of"] is None


def test_what_is_withheld_is_not_listed() -> None:
    environ = {"EXCLUDE_SERVICES": "job.FrameInterface"}
    ran = routes("frameinterface/eat", **environ)
    assert (ran.status, ran.out) == (1, b"")
    assert_one_line(ran, "1 withheld method does;", "check")
    assert_one_line(routes("rqd.RqdInterface/"), "17 withheld methods do;")
    assert_one_line(routes(EXCLUDE_SERVICES="*"), "no method is served")


@pytest.mark.parametrize(
    ("pattern", "hint"),
    [
        ("gtjbs", "did you mean GetJobs?"),
        ("JobIntrfce", "did you mean JobInterface?"),
        ("/job.JobInterfce/GetJobs", "did you mean job.JobInterface/GetJobs or job.J"),
        ("zzzzzz", "'zzzzzz'"),
    ],
)
def test_a_filter_that_fits_nothing(pattern: str, hint: str) -> None:
    ran = routes(pattern)
    assert (ran.status, ran.out) == (1, b"")
    assert_one_line(ran, hint)
    ran = routes(pattern, "--json")
    assert (ran.status, ran.json) == (1, [])


def test_streams_are_marked(tmp_path: Path) -> None:
    content = FileDescriptorSet(file=trial().files)
    file = next(each for each in content.file if each.service)
    file.service[0].method[0].server_streaming = True
    (tmp_path / "trial.binpb").write_bytes(content.SerializeToString())
    environ = {"DESCRIPTOR_SOURCE": str(tmp_path / "trial.binpb")}
    out = routes("gettimestamp", **environ).text
    assert "  google.protobuf.Timestamp  stream google.protobuf.Timestamp" in out
    (found,) = routes("gettimestamp", "--json", **environ).json
    assert found["streaming"] is True


def route(path: str, alias_of: str | None = None, summary: str = "") -> Route:
    types = {"request": "a.Q", "response": "a.R"}
    return Route(path=path, **types, alias_of=alias_of, streaming=False, summary=summary)


ROUTES = [route("/a.A/Get", summary="Find one thing"), route("/b.A/Get", "/a.A/Get")]


def test_a_table_where_there_is_room() -> None:
    assert list(lines(ROUTES, None)) == [
        "PATH      REQUEST  RESPONSE  ALIAS OF  SUMMARY",
        "/a.A/Get  a.Q      a.R                 Find one thing",
        "/b.A/Get  a.Q      a.R       /a.A/Get",
    ]
    assert list(lines(ROUTES, 53)) == list(lines(ROUTES, None))


def test_short_lines_where_there_is_none() -> None:
    block = ["/a.A/Get", "  Find one thing", "  a.Q → a.R"]
    assert list(lines(ROUTES, 52)) == [*block, "/b.A/Get", "  alias of /a.A/Get", "  a.Q → a.R"]
    narrow = ["/a.A/Get", "  Find one", "  thing", "  a.Q", "  → a.R"]
    assert list(lines(ROUTES[:1], 10)) == narrow


@pytest.mark.parametrize("width", [80, 100, 120])
def test_opencue_fits_usual_terminals(width: int) -> None:
    found = [Route(**each) for each in routes("--json").json]
    assert max(map(len, lines(found, width))) <= width


COMMANDS = [("routes",), ("describe", "Job"), ("snapshot", "-")]


def test_config_is_read(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(f'descriptor_source = "{OPENCUE}"\ninclude_services = "show.*"')
    ran = in_process("routes", "--config", str(config))
    assert all(path.startswith("/show.ShowInterface/") for path in paths(ran))


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_cuebot_is_not_there(arguments: tuple[str, ...]) -> None:
    ran = in_process(*arguments, CUEBOT_ENDPOINT="127.0.0.1:1")
    assert (ran.status, ran.out) == (1, b"")
    assert_one_line(ran, "127.0.0.1:1", "CUEBOT_ENDPOINT", OPENCUE)
