"""What is served: the globs of include_services and exclude_services, by native method."""

from dataclasses import replace
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from gateway.compat.build import build_catalog
from gateway.compat.profile import Profile, load_profile
from gateway.schema.description import Skipped
from gateway.schema.selection import Selection
from tests.support.opencue import opencue
from tests.support.servers import (
    Gateway,
    ScriptedCuebot,
    running_cuebot,
    running_gateway,
    settings_for,
)

GET_JOBS = ("job.JobInterface", "GetJobs")
KILL_JOB = ("job.JobInterface", "Kill")
KILL_FRAME = ("job.FrameInterface", "Kill")
GET_FRAME = ("job.FrameInterface", "GetFrame")
GET_SHOWS = ("show.ShowInterface", "GetShows")
REPORT = ("report.RqdReportInterface", "ReportRunningFrameCompletion")
STATUS = ("report.RqdReportInterface", "ReportStatus")
RQD = ("rqd.RqdInterface", "KillRunningFrame")
HEALTH = ("grpc.health.v1.Health", "Check")
REFLECTION = ("grpc.reflection.v1alpha.ServerReflection", "ServerReflectionInfo")

EVERYTHING = (
    GET_JOBS,
    KILL_JOB,
    KILL_FRAME,
    GET_FRAME,
    GET_SHOWS,
    REPORT,
    STATUS,
    RQD,
    HEALTH,
    REFLECTION,
)
ORDINARY = {GET_JOBS, KILL_JOB, KILL_FRAME, GET_FRAME, GET_SHOWS}


@pytest.mark.parametrize(
    ("include", "exclude", "served"),
    [
        pytest.param((), (), ORDINARY, id="default"),
        pytest.param(("show.ShowInterface",), (), {GET_SHOWS}, id="one service"),
        pytest.param(("job.*",), (), {GET_JOBS, KILL_JOB, KILL_FRAME, GET_FRAME}, id="one package"),
        pytest.param(("job.JobInterface/GetJobs",), (), {GET_JOBS}, id="one method"),
        pytest.param(
            ("*/Get*",), (), {GET_JOBS, GET_FRAME, GET_SHOWS}, id="methods of every service"
        ),
        pytest.param(
            ("job.JobInterface/Get*", "show.*"), (), {GET_JOBS, GET_SHOWS}, id="several globs"
        ),
        pytest.param(("nothing.*",), (), set(), id="nothing"),
        pytest.param(("JOB.*",), (), set(), id="case counts"),
        pytest.param(("job",), (), set(), id="a package is no glob"),
        pytest.param((), ("job.*",), {GET_SHOWS}, id="without a package"),
        pytest.param(
            (), ("job.JobInterface",), {KILL_FRAME, GET_FRAME, GET_SHOWS}, id="without a service"
        ),
        pytest.param(
            (), ("job.JobInterface/Kill",), ORDINARY - {KILL_JOB}, id="without one method"
        ),
        pytest.param(
            (), ("*/Kill",), {GET_JOBS, GET_FRAME, GET_SHOWS}, id="without a method anywhere"
        ),
        pytest.param((), ("*",), set(), id="without everything"),
        pytest.param(
            ("job.*",), ("job.JobInterface",), {KILL_FRAME, GET_FRAME}, id="exclude after include"
        ),
        pytest.param(
            ("job.JobInterface",), ("job.*",), set(), id="exclude wins over an exact include"
        ),
        pytest.param(
            ("job.JobInterface/Kill",), ("job.JobInterface",), set(), id="over an exact method"
        ),
        pytest.param(("*",), (), ORDINARY, id="star lifts nothing"),
        pytest.param(("*", "*/*", "*.*"), (), ORDINARY, id="no star lifts anything"),
        pytest.param(("report.*", "rqd.*", "grpc.*"), (), set(), id="nor does a package's"),
        pytest.param(
            ("report.RqdReportInterface*", "rqd.RqdInterface?", "report.RqdReportInterfac[e]"),
            (),
            set(),
            id="nor a glob that fits it alone",
        ),
        pytest.param(("report.RqdReportInterface/*",), (), set(), id="nor one of its methods"),
        pytest.param(
            ("report.RqdReportInterface",), (), {REPORT, STATUS}, id="its exact name does"
        ),
        pytest.param(
            ("*", "report.RqdReportInterface"), (), ORDINARY | {REPORT, STATUS}, id="with the rest"
        ),
        pytest.param(
            ("report.RqdReportInterface/ReportStatus",), (), {STATUS}, id="its method's exact name"
        ),
        pytest.param(("rqd.RqdInterface",), (), {RQD}, id="the hosts' own service"),
        pytest.param(("grpc.health.v1.Health",), (), {HEALTH}, id="health"),
        pytest.param(
            ("report.RqdReportInterface",), ("report.*",), set(), id="exclude wins over lifting"
        ),
        pytest.param(
            ("report.RqdReportInterface",),
            ("*/ReportStatus",),
            {REPORT},
            id="exclude of one method wins over lifting",
        ),
        pytest.param(("rqdReport.RqdReportInterface",), (), set(), id="an alias lifts nothing"),
    ],
)
def test_what_is_served(
    include: tuple[str, ...], exclude: tuple[str, ...], served: set[tuple[str, str]]
) -> None:
    selection = Selection(include=include, exclude=exclude)
    assert {one for one in EVERYTHING if selection.withheld_by(*one) is None} == served


def routes(**selection: Any) -> set[str]:
    return set(build_catalog(opencue(), Selection(**selection)).routes)


def test_aliases_of_what_is_never_served_are_no_routes() -> None:
    found = routes()
    assert not [path for path in found if "Rqd" in path.rpartition("/")[0]]
    assert not [path for path in found if path.startswith(("/rqd", "/report", "/grpc"))]


def test_aliases_of_excluded_services_are_no_routes() -> None:
    found = routes(exclude=("job.FrameInterface",))
    assert not [path for path in found if ".FrameInterface/" in path]
    assert "/layer.LayerInterface/GetLayer" in found


def test_aliases_of_excluded_methods_are_no_routes() -> None:
    found = routes(exclude=("job.FrameInterface/Kill",))
    assert "/job.FrameInterface/Kill" not in found
    assert "/frame.FrameInterface/Kill" not in found
    assert {"/job.FrameInterface/GetFrame", "/frame.FrameInterface/GetFrame"} <= found


@pytest.mark.parametrize(
    ("name", "native"),
    [
        ("frame.FrameInterface/Kill", "job.FrameInterface/Kill"),
        ("frame.FrameInterface", "job.FrameInterface/GetFrame"),
        ("frame.*", "job.FrameInterface/Eat"),
        ("frame.FrameInterface/Ki*", "job.FrameInterface/Kill"),
        ("job.LayerInterface/Kill", "job.LayerInterface/KillFrames"),
        ("layer.LayerInterface/Kill", "job.LayerInterface/KillFrames"),
        ("*/Kill", "job.LayerInterface/KillFrames"),
    ],
)
def test_a_glob_may_have_any_name_of_a_method(name: str, native: str) -> None:
    """The names of the reference and of the profile stand for Cuebot's: excluded or included."""
    profile = load_profile("opencue")
    everything = build_catalog(opencue(), Selection(), profile)
    method = everything.routes[f"/{native}"]
    leading = {path for path, each in everything.routes.items() if each is method}
    excluding = build_catalog(opencue(), Selection(exclude=(name,)), profile)
    assert excluding.withheld[f"/{native}"] == f"EXCLUDE_SERVICES has {name}"
    assert not leading & excluding.routes.keys()
    assert "/job.LayerInterface/GetLayer" in excluding.routes
    including = build_catalog(opencue(), Selection(include=(name,)), profile)
    assert leading <= including.routes.keys()
    assert "/job.LayerInterface/GetLayer" not in including.routes
    assert (excluding.unused_globs, including.unused_globs) == ((), ())


@pytest.mark.anyio
@pytest.mark.gateway(exclude_services=["job.LayerInterface/Kill"])
@pytest.mark.parametrize("service", ["layer.LayerInterface", "job.LayerInterface"])
async def test_an_excluded_name_of_the_profile_is_404(
    gateway: Gateway, cuebot: ScriptedCuebot, service: str
) -> None:
    """The answer says what it stands for, and the method's own name does not lead there either."""
    answer = await gateway.post(f"/{service}/Kill", {})
    message = answer.json()["message"]
    assert answer.status_code == 404
    assert message.endswith("it is job.LayerInterface/KillFrames, which is not served here")
    answer = await gateway.post(f"/{service}/KillFrames", {})
    assert (answer.status_code, cuebot.seen) == (404, [])


def test_a_name_of_the_profile_that_cuebot_has_is_cuebots() -> None:
    """Where a method of a documented name exists, a glob means that one alone."""
    profile = Profile.model_validate(
        {"methods": {"job.JobInterface/Kill": "job.JobInterface/KillFrames"}}
    )
    catalog = build_catalog(opencue(), Selection(exclude=("job.JobInterface/Kill",)), profile)
    assert "/job.JobInterface/KillFrames" in catalog.routes
    assert "/job.JobInterface/Kill" not in catalog.routes


def test_globs_that_match_nothing_have_a_suggestion() -> None:
    skipped = Skipped(service="ghost.GhostInterface", reason="nothing known")
    selection = Selection(
        include=("*", "jbo.*", "rqd.Nothing"),
        exclude=(
            "frame.FrameInterface/Kil",
            "job.JobInterface/kill",
            "ghost.GhostInterface/Haunt",
            "grpc.*",
            "rqd.Nothing/Kill",
        ),
    )
    catalog = build_catalog(replace(opencue(), skipped=(skipped,)), selection)
    assert [str(each) for each in catalog.unused_globs] == [
        "INCLUDE_SERVICES: jbo.* matches nothing that Cuebot has",
        "INCLUDE_SERVICES: rqd.Nothing matches nothing that Cuebot has",
        "EXCLUDE_SERVICES: frame.FrameInterface/Kil matches nothing that Cuebot has"
        "; did you mean frame.FrameInterface/Kill?",
        "EXCLUDE_SERVICES: job.JobInterface/kill matches nothing that Cuebot has"
        "; did you mean job.JobInterface/Kill?",
    ]


def test_aliases_come_with_what_is_included() -> None:
    found = routes(include=("job.FrameInterface/GetFrame",))
    assert found == {"/job.FrameInterface/GetFrame", "/frame.FrameInterface/GetFrame"}


def test_a_lifted_service_has_its_alias() -> None:
    found = routes(include=("report.RqdReportInterface",))
    assert {path.split("/")[1] for path in found} == {
        "report.RqdReportInterface",
        "rqdReport.RqdReportInterface",
    }


def test_excluding_a_service_does_not_hand_its_alias_to_another() -> None:
    """Aliases are computed over the whole schema: excluding something opens nothing."""
    everything = routes()
    for service in opencue().services:
        assert routes(exclude=(service,)) <= everything


@pytest.mark.anyio
@pytest.mark.gateway(exclude_services=["job.JobInterface/Kill", "job.FrameInterface"])
@pytest.mark.parametrize(
    "path",
    [
        "/report.RqdReportInterface/ReportStatus",
        "/rqdReport.RqdReportInterface/ReportStatus",
        "//rqdReport.RqdReportInterface/ReportStatus",
        "/rqd.RqdInterface/KillRunningFrame",
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        "/job.JobInterface/Kill",
        "/job%2EJobInterface/Kill",
        "/job.JobInterface%2FKill",
        "/frame.FrameInterface/Kill",
        "/job.FrameInterface/./Kill",
        "/job.FrameInterface/Kill/",
        "/JOB.JobInterface/Kill",
    ],
)
async def test_what_is_not_served_is_404(
    gateway: Gateway, cuebot: ScriptedCuebot, path: str
) -> None:
    assert cuebot.seen == []
    answer = await gateway.post(path, json={})
    assert (answer.status_code, answer.json()["code"]) == (404, 5)
    assert cuebot.seen == []


pytestmark = pytest.mark.anyio


def interface(package: str) -> FileDescriptorProto:
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    file.message_type.add(name="M")
    method = file.service.add(name="FrameInterface").method.add(name="X")
    method.input_type = method.output_type = f".{package}.M"
    return file


async def test_an_excluded_service_does_not_leave_its_name_to_another() -> None:
    """A path that is the own name of an excluded service never becomes an alias of another."""
    cuebot = ScriptedCuebot((interface("job"), interface("frame")))
    cuebot.answers("/job.FrameInterface/X", b"")
    cuebot.answers("/frame.FrameInterface/X", b"")
    async with running_cuebot(cuebot):
        settings = settings_for(cuebot.endpoint, exclude_services="frame.FrameInterface")
        async with running_gateway(settings) as gateway:
            excluded = await gateway.post("/frame.FrameInterface/X", {})
            assert cuebot.seen == []
            served = await gateway.post("/job.FrameInterface/X", {})
    assert (excluded.status_code, excluded.json()["code"]) == (404, 5)
    assert served.status_code == 200
