"""`cuebot-gateway check` of the settings: what it finds, what it says, and how it ends."""

import re
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc import StatusCode

from cuebot_simulator.server import SimulatedCuebot
from gateway.core.discovery.files import FILE_SUFFIXES
from gateway.core.discovery.reflection import PATH, VERSIONS
from gateway.core.upstream.endpoint import HEALTH_CHECK_PATH
from gateway_cli.checks import Report, run_checks, schema_object
from gateway_cli.tokens import claims_from
from gateway_client.errors import InvalidCall
from tests.support.commands import OPENCUE, assert_one_line, in_process, run_beside
from tests.support.farms import running_farm, still_farm
from tests.support.needs import OF_ALL_FEATURES, needs
from tests.support.opencue import opencue
from tests.support.protos import file_of_services
from tests.support.servers import SECRET, ScriptedCuebot, running_cuebot, settings_for
from tests.support.settings import warnings_of
from tests.support.stores import NEEDS_STORE, store_server

pytestmark = pytest.mark.anyio

NOBODY = "127.0.0.1:1"


@pytest.fixture
def cuebot(simulated_cuebot: SimulatedCuebot) -> str:
    """The endpoint of a simulated Cuebot in this process."""
    return simulated_cuebot.endpoint


def text_of(report: Report) -> str:
    return "\n".join(report.lines())


@OF_ALL_FEATURES  # their tables of the profile are read
async def test_all_is_well(cuebot: str) -> None:
    report = await run_checks(settings_for(cuebot))
    assert (report.problems, warnings_of(report)) == ([], [])
    assert (report.endpoints, report.facts["secrets"]) == ({cuebot: True}, 1)
    assert report.catalog is not None
    schema = schema_object(report.catalog)
    assert (schema["source"], schema["confirmed"]) == (f"reflection v1 of {cuebot}", True)
    assert schema["digest"] == opencue().digest
    assert schema["paths"] > schema["methods"] > schema["services"] > 20
    assert schema["aliases"]["frame.FrameInterface"] == "job.FrameInterface"
    assert "report.RqdReportInterface" not in schema["aliases"].values()
    nothings = ("skipped", "idle_globs", "idle_entries", "streaming")
    for nothing in (*nothings, "idle_summaries", "without_summary"):
        assert not schema[nothing]
    assert schema["withheld"]["/rqd.RqdInterface/Lock"] == "never served by default"
    text = text_of(report)
    assert f"Cuebot     {cuebot} answers\n" in text
    assert "\nProfile    no idle entries\n" in text
    assert f"\nSummaries  for {schema['methods']} of {schema['methods']} methods\n" in text
    assert "(confirmed by Cuebot)\n" in text
    methods, services, paths = schema["methods"], schema["services"], schema["paths"]
    assert f"{methods} methods of {services} services, at {paths} paths" in text
    assert "           frame.FrameInterface is job.FrameInterface\n" in text
    assert "Warnings   none\nProblems   none" in text


@pytest.mark.parametrize("words", ["who are you?", ""])
async def test_a_cuebot_that_lets_nobody_in_is_quoted(words: str) -> None:
    cuebot = ScriptedCuebot(files=opencue().files, reflection=())
    refused = StatusCode.UNAUTHENTICATED
    for path in (HEALTH_CHECK_PATH, *(PATH.format(version=version) for version in VERSIONS)):
        cuebot.fails(path, refused, words)
    async with running_cuebot(cuebot):
        report = await run_checks(settings_for(cuebot.endpoint))
    said = f"UNAUTHENTICATED: {words}" if words else "UNAUTHENTICATED"
    assert (
        warnings_of(report)[0]
        == f"CUEBOT_ENDPOINT: {cuebot.endpoint}: Cuebot refuses calls ({said})"
    )
    assert (report.problems, report.endpoints) == ([], {cuebot.endpoint: True})


async def test_no_schema_is_a_problem() -> None:
    async with running_farm(still_farm(), reflection=False) as stock:
        report = await run_checks(settings_for(stock.endpoint, descriptor_source="reflection"))
    assert report.catalog is None
    assert not report.settings_wrong
    (problem,) = report.problems
    assert "turn on server reflection" in problem


async def test_withheld_methods_have_their_rules(cuebot: str) -> None:
    given = {
        "include_services": ["job.*", "show.*", "nothing.*"],
        "exclude_services": ["job.JobInterface/Kill*"],
        "descriptor_source": OPENCUE,
    }
    report = await run_checks(settings_for(cuebot, **given))
    catalog = report.catalog
    assert catalog is not None
    rule = "EXCLUDE_SERVICES has job.JobInterface/Kill*"
    assert catalog.absent.withheld["/job.JobInterface/KillFrames"] == rule
    assert (
        catalog.absent.withheld["/host.HostInterface/Lock"] == "INCLUDE_SERVICES does not name it"
    )
    assert "/job.JobInterface/GetJobs" not in catalog.absent.withheld
    assert report.problems == ["INCLUDE_SERVICES: nothing.* matches nothing that Cuebot has"]
    assert report.settings_wrong
    text = text_of(report)
    assert f"           job.JobInterface: {rule} (Kill, KillFrames)\n" in text
    assert "host.HostInterface: INCLUDE_SERVICES does not name it (" in text
    assert "Idle globs 1\n           nothing.*\n" in text
    probe = "probe: service.ServiceInterface/GetDefaultServices is not served"
    assert f"           {probe}\n" in text


async def test_missing_and_idle_summaries_are_listed(tmp_path: Path) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text('[summaries.methods."farm.FarmInterface"]\nGet = "x"\nSet = "y"')
    cuebot = ScriptedCuebot(files=(file_of_services("farm.FarmInterface", ["Get", "Find"]),))
    async with running_cuebot(cuebot):
        report = await run_checks(settings_for(cuebot.endpoint, compat_profile=str(profile)))
    assert report.catalog is not None
    schema = schema_object(report.catalog)
    assert schema["without_summary"] == ["/farm.FarmInterface/Find"]
    assert schema["idle_summaries"] == ["farm.FarmInterface/Set"]
    assert (report.problems, warnings_of(report)) == ([], [])
    text = text_of(report)
    assert "\nSummaries  for 1 of 2 methods\n" in text
    assert "\n           /farm.FarmInterface/Find has none\n" in text
    assert "\n           farm.FarmInterface/Set: Cuebot does not have it\n" in text


async def test_streaming_methods_are_listed() -> None:
    farm = file_of_services("farm.FarmInterface", ["Get", "Watch"])
    farm.service[0].method[1].server_streaming = True
    async with running_cuebot(ScriptedCuebot(files=(farm,))) as scripted:
        report = await run_checks(settings_for(scripted.endpoint))
    assert (report.problems, warnings_of(report)) == ([], [])
    assert report.catalog is not None
    assert schema_object(report.catalog)["streaming"] == ["/farm.FarmInterface/Watch"]
    expected = "Streaming  1 method, answered with 501\n           /farm.FarmInterface/Watch\n"
    assert expected in text_of(report)


async def test_skipped_services_are_warnings(tmp_path: Path, cuebot: str) -> None:
    farm, broken = (
        file_of_services(f"{name}.FarmInterface", ["Get"]) for name in ("farm", "broken")
    )
    broken.dependency.append("gone.proto")
    file = tmp_path / f"farm{FILE_SUFFIXES[0]}"
    file.write_bytes(FileDescriptorSet(file=[farm, broken]).SerializeToString())
    report = await run_checks(settings_for(cuebot, descriptor_source=str(file)))
    assert report.problems == []
    assert report.catalog is not None
    reason = "broken.proto imports gone.proto, which the source does not have"
    assert [(each.service, each.reason) for each in report.catalog.absent.skipped] == [
        ("broken.FarmInterface", reason)
    ]
    assert f"broken.FarmInterface is skipped: {reason}" in report.warnings
    assert f"           broken.FarmInterface: {reason}\n" in text_of(report)


@pytest.mark.parametrize(
    ("given", "wrong", "problems", "warnings"),
    [
        pytest.param({"jwt_secret": None}, True, ["JWT_SECRET: "], [], marks=needs("tokens")),
        ({"descriptor_source": "magic"}, True, ["DESCRIPTOR_SOURCE: "], []),
        pytest.param(
            {"audit_sync": True},
            True,
            ["AUDIT_SYNC: needs a file in AUDIT_LOG"],
            [],
            marks=needs("audit"),
        ),
        ({"exclude_services": ["*"]}, False, ["no method is served; see INCLUDE_SERVICES and"], []),
        ({"keepalive_time": "60s"}, False, [], ["KEEPALIVE_TIME is below the"]),
    ],
)
async def test_settings(
    cuebot: str, given: dict[str, object], wrong: bool, problems: list[str], warnings: list[str]
) -> None:
    report = await run_checks(settings_for(cuebot, **given))
    assert report.settings_wrong == wrong
    for found, starts in ((report.problems, problems), (warnings_of(report), warnings)):
        assert [text[: len(start)] for text, start in zip(found, starts, strict=True)] == starts


@needs("rate_limits")
@NEEDS_STORE
async def test_the_shared_store(cuebot: str) -> None:
    with store_server() as server:
        settings = settings_for(cuebot, state=server.url)
        report = await run_checks(settings)
        assert (report.problems, warnings_of(report)) == ([], [])
        pattern = rf"redis://127\.0\.0\.1:{server.port}/0 answers within [0-9.]+ ms"
        assert re.fullmatch(pattern, str(report.as_object()["state"]))
        assert f"State      {report.facts['state']}\n" in text_of(report)
    for fail, found in (("open", "warnings"), ("closed", "problems")):
        report = await run_checks(settings_for(cuebot, state=server.url, state_fail=fail))
        (line,) = warnings_of(report) + report.problems
        assert line in getattr(report, found)
        assert line.startswith(f"STATE: {server.url}/0: ")
        assert f"State      {server.url}/0 does not answer\n" in text_of(report)
        assert not report.settings_wrong


@needs("audit")
async def test_an_audit_log_that_cannot_be_opened(cuebot: str, tmp_path: Path) -> None:
    """It is a problem. One that could be made is not made, as its owner would be whoever checks."""
    log, there = tmp_path / "audit.log", tmp_path / "there"
    there.write_bytes(b"line")
    for fine in (log, there, "stdout"):
        report = await run_checks(settings_for(cuebot, audit_log=str(fine)))
        assert report.problems == []
    assert not log.exists()
    assert there.read_bytes() == b"line"
    for wrong in ({"audit_log": f"{tmp_path}/no/audit.log"}, {"audit_log": str(tmp_path)}):
        report = await run_checks(settings_for(cuebot, **wrong))
        (problem,) = report.problems
        assert problem.startswith(f"AUDIT_LOG: cannot open {wrong['audit_log']}: ")


def test_every_wrong_setting_has_a_line(tmp_path: Path) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text('rest_prt = 1\nhttp_timeout = "soon"\nworkers = 0\nopen_to_all = 7')
    environ = {
        "GATEWAY_CONFIG": str(config),
        "REST_PORT": "http",
        "GRPC_TIMEOUT": "1s",
        "REQUEST_TIMEOUT": "2s",
        "GRPC_MAX_MESSAGE_SIZE": "much",
        "JWT_SECRET": SECRET,
    }
    ran = in_process("check", "--json", **environ)
    assert ran.status == 2
    assert_one_line(ran, "7 problems, no warnings")
    words = (
        "rest_prt REQUEST_TIMEOUT GRPC_MAX_MESSAGE_SIZE open_to_all REST_PORT http_timeout workers"
    )
    for word, problem in zip(words.split(), ran.json["problems"], strict=True):
        assert word in problem
    assert (ran.json["ok"], ran.json["schema"]) == (False, None)
    assert ran.json["cuebot"] == {"endpoint": None, "answers": False}
    assert SECRET not in ran.text
    for command, elsewhere in (("serve", ""), ("check", "http://127.0.0.1:1")):
        told = in_process(command, GATEWAY_URL=elsewhere, **environ)
        lines = told.err.removeprefix("cuebot-gateway: ").splitlines()
        assert (told.status, lines) == (2, ran.json["problems"])


@needs("tokens")
async def test_the_command_in_front_of_cuebot(cuebot: str) -> None:
    environ = {"CUEBOT_ENDPOINT": cuebot, "JWT_SECRET": SECRET}
    ran = await run_beside("check", "--strict", **environ)
    assert (ran.status, ran.err) == (0, "")
    assert ran.text.startswith(f"Cuebot     {cuebot} answers\nSecrets    1\nSchema     ")
    ran = await run_beside("check", "--strict", "--json", **environ)
    assert (ran.status, ran.err) == (0, "")
    assert ran.json["ok"] is True
    assert ran.json["cuebot"] == {"endpoint": cuebot, "answers": True}
    assert ran.json["endpoints"] == {cuebot: True}
    assert ran.json["schema"]["digest"] == opencue().digest


@needs("tokens")
async def test_warnings_fail_only_when_asked() -> None:
    async with running_farm(still_farm(), reflection=False) as stock:
        environ = {"CUEBOT_ENDPOINT": stock.endpoint, "JWT_SECRET": "short"}
        ran = await run_beside("check", **environ)
        assert (ran.status, ran.err) == (0, "")
        assert "Warnings   2\n" in ran.text
        ran = await run_beside("check", "--strict", "--json", **environ)
    assert ran.status == 1
    assert_one_line(ran, "no problems, 2 warnings")
    assert ran.json["ok"] is False


@needs("tokens")
def test_a_misspelled_variable_is_a_warning() -> None:
    ran = in_process(
        "check", CUEBOT_ENDPONT="a.studio:1", CUEBOT_ENDPOINT=NOBODY, JWT_SECRET=SECRET
    )
    assert "CUEBOT_ENDPONT is no setting of the gateway; did you mean CUEBOT_ENDPOINT?" in ran.text
    assert "a.studio" not in ran.text
    assert_one_line(ran, "1 problem, 1 warning")


@needs("tokens")
def test_the_exit_status_tells_settings_from_cuebot() -> None:
    ran = in_process("check", CUEBOT_ENDPOINT=NOBODY, JWT_SECRET=SECRET)
    assert ran.status == 1
    assert_one_line(ran, "1 problem, no warnings")
    assert "Traceback" not in ran.text
    ran = in_process("check", CUEBOT_ENDPOINT=NOBODY)
    assert ran.status == 2
    assert_one_line(ran, "2 problems")


@pytest.mark.parametrize(
    ("written", "claims"),
    [
        (["role=artist"], {"role": "artist"}),
        (["role=a=b"], {"role": "a=b"}),
        (["role=artist", "role=td", "role=x"], {"role": ["artist", "td", "x"]}),
        (["realm_access.roles=td", "sub=kim"], {"realm_access": {"roles": "td"}, "sub": "kim"}),
        (["shows=a,b", "shows=c"], {"shows": ["a", "b", "c"]}),
        (['shows=["a,b"]', "level=3", "x=true"], {"shows": ["a,b"], "level": 3, "x": True}),
        (['{"https://x.y/role": ["td"]}', "sub=kim"], {"https://x.y/role": ["td"], "sub": "kim"}),
    ],
)
def test_claims(written: list[str], claims: dict[str, object]) -> None:
    """They are written as people would say them, or as JSON."""
    assert claims_from(written, "--as") == claims


@pytest.mark.parametrize("written", [["role"], ["=x"], ["{x"], ["a=b", "a.c=d"]])
def test_what_are_no_claims(written: list[str]) -> None:
    with pytest.raises(InvalidCall, match="--as: "):
        claims_from(written, "--as")
