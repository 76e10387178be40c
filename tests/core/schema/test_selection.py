"""What is served: the globs of include_services and exclude_services, by native method."""

import re
from dataclasses import replace

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from gateway.core.schema.catalog import Catalog
from gateway.core.schema.description import Skipped, assumed_schema
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from tests.support.needs import needs
from tests.support.opencue import opencue
from tests.support.servers import Gateway, ScriptedCuebot

pytestmark = pytest.mark.anyio

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
    *(GET_JOBS, KILL_JOB, KILL_FRAME, GET_FRAME, GET_SHOWS),
    *(REPORT, STATUS, RQD, HEALTH, REFLECTION),
)
ORDINARY = {GET_JOBS, KILL_JOB, KILL_FRAME, GET_FRAME, GET_SHOWS}


RQD_REPORT, RQD_ALONE = "report.RqdReportInterface", "report.RqdReportInterfac[e]"
GETS = {GET_JOBS, GET_FRAME, GET_SHOWS}
SERVED: dict[str, tuple[str, str, set[tuple[str, str]]]] = {
    "default": ("", "", ORDINARY),
    "one service": ("show.ShowInterface", "", {GET_SHOWS}),
    "one package": ("job.*", "", ORDINARY - {GET_SHOWS}),
    "one method": ("job.JobInterface/GetJobs", "", {GET_JOBS}),
    "methods of every service": ("*/Get*", "", GETS),
    "several globs": ("job.JobInterface/Get* show.*", "", {GET_JOBS, GET_SHOWS}),
    "nothing": ("nothing.*", "", set()),
    "case counts": ("JOB.*", "", set()),
    "a package is no glob": ("job", "", set()),
    "without a package": ("", "job.*", {GET_SHOWS}),
    "without a service": ("", "job.JobInterface", {KILL_FRAME, GET_FRAME, GET_SHOWS}),
    "without one method": ("", "job.JobInterface/Kill", ORDINARY - {KILL_JOB}),
    "without a method anywhere": ("", "*/Kill", GETS),
    "without everything": ("", "*", set()),
    "exclude after include": ("job.*", "job.JobInterface", {KILL_FRAME, GET_FRAME}),
    "exclude wins over an exact include": ("job.JobInterface", "job.*", set()),
    "exclude wins over an exact method": ("job.JobInterface/Kill", "job.JobInterface", set()),
    "star lifts nothing": ("*", "", ORDINARY),
    "no star lifts anything": ("* */* *.*", "", ORDINARY),
    "nor does a package's": ("report.* rqd.* grpc.*", "", set()),
    "nor a glob that fits it alone": (
        f"{RQD_REPORT}* rqd.RqdInterface? {RQD_REPORT[:-1]}[e]",
        "",
        set(),
    ),
    "nor one of its methods": (f"{RQD_REPORT}/*", "", set()),
    "its exact name does": (RQD_REPORT, "", {REPORT, STATUS}),
    "with the rest": (f"* {RQD_REPORT}", "", ORDINARY | {REPORT, STATUS}),
    "its method's exact name": (f"{RQD_REPORT}/ReportStatus", "", {STATUS}),
    "the hosts' own service": ("rqd.RqdInterface", "", {RQD}),
    "health": ("grpc.health.v1.Health", "", {HEALTH}),
    "exclude wins over lifting": (RQD_REPORT, "report.*", set()),
    "exclude of one method wins over lifting": (RQD_REPORT, "*/ReportStatus", {REPORT}),
    "an alias lifts nothing": ("rqdReport.RqdReportInterface", "", set()),
}
"""Globs to include, globs to exclude, and what is served then."""


@pytest.mark.parametrize(("include", "exclude", "served"), SERVED.values(), ids=SERVED)
def test_what_is_included_and_not_excluded_is_served(
    include: str, exclude: str, served: set[tuple[str, str]]
) -> None:
    selection = Selection(include=tuple(include.split()), exclude=tuple(exclude.split()))
    assert {one for one in EVERYTHING if selection.withheld_by(*one) is None} == served


def test_aliases_are_served_with_their_services() -> None:
    def routes(**selection: tuple[str, ...]) -> set[str]:
        return {*build_catalog(opencue(), Selection(**selection)).routes}

    everything = routes()
    assert not [path for path in everything if re.match(r"/(rqd|report|grpc|\w+\.Rqd)", path)]
    frames = {path for path in everything if ".FrameInterface/" in path}
    assert routes(exclude=("job.FrameInterface",)) == everything - frames
    kills = {"/job.FrameInterface/Kill", "/frame.FrameInterface/Kill"}
    assert routes(exclude=("job.FrameInterface/Kill",)) == everything - kills
    assert routes(include=("job.FrameInterface/Kill",)) == kills
    lifted = {path.split("/")[1] for path in routes(include=(RQD_REPORT,))}
    assert lifted == {RQD_REPORT, "rqdReport.RqdReportInterface"}


@pytest.fixture(scope="module")
def everything() -> Catalog:
    return build_catalog(opencue(), Selection(), load_profile("opencue"))


@pytest.mark.parametrize(
    ("name", "native"),
    [
        ("frame.FrameInterface/Kill", "job.FrameInterface/Kill"),
        ("frame.FrameInterface", "job.FrameInterface/GetFrame"),
        ("frame.*", "job.FrameInterface/Eat"),
        ("frame.FrameInterface/Ki*", "job.FrameInterface/Kill"),
        pytest.param(
            "job.LayerInterface/Kill", "job.LayerInterface/KillFrames", marks=needs("reference")
        ),
        pytest.param(
            "layer.LayerInterface/Kill",
            "job.LayerInterface/KillFrames",
            marks=needs("reference"),
        ),
        pytest.param("*/Kill", "job.LayerInterface/KillFrames", marks=needs("reference")),
    ],
)
def test_a_glob_may_have_any_name_of_a_method(everything: Catalog, name: str, native: str) -> None:
    """The names of the reference and of the profile stand for Cuebot's: excluded or included."""
    profile = load_profile("opencue")
    method = everything.routes[f"/{native}"]
    leading = {path for path, each in everything.routes.items() if each is method}
    excluding = build_catalog(opencue(), Selection(exclude=(name,)), profile)
    assert excluding.absent.withheld[f"/{native}"] == f"EXCLUDE_SERVICES has {name}"
    assert not leading & excluding.routes.keys()
    assert "/job.LayerInterface/GetLayer" in excluding.routes
    including = build_catalog(opencue(), Selection(include=(name,)), profile)
    assert leading <= including.routes.keys()
    assert "/job.LayerInterface/GetLayer" not in including.routes
    assert (excluding.idle.globs, including.idle.globs) == ((), ())


def test_globs_that_match_nothing_have_a_suggestion() -> None:
    skipped = Skipped(service="ghost.GhostInterface", reason="nothing known")
    selection = Selection(
        include=("*", "jbo.*", "rqd.Nothing"),
        exclude=(
            *("frame.FrameInterface/Kil", "job.JobInterface/kill", "ghost.GhostInterface/Haunt"),
            *("grpc.*", "rqd.Nothing/Kill"),
        ),
    )
    catalog = build_catalog(replace(opencue(), skipped=(skipped,)), selection)
    assert [str(each) for each in catalog.idle.globs] == [
        "INCLUDE_SERVICES: jbo.* matches nothing that Cuebot has",
        "INCLUDE_SERVICES: rqd.Nothing matches nothing that Cuebot has",
        "EXCLUDE_SERVICES: frame.FrameInterface/Kil matches nothing that Cuebot has"
        "; did you mean frame.FrameInterface/Kill?",
        "EXCLUDE_SERVICES: job.JobInterface/kill matches nothing that Cuebot has"
        "; did you mean job.JobInterface/Kill?",
    ]


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
async def test_what_is_excluded_is_404(gateway: Gateway, cuebot: ScriptedCuebot, path: str) -> None:
    assert cuebot.seen == []
    answer = await gateway.post(path, json={})
    assert (answer.status_code, answer.json()["code"]) == (404, 5)
    assert cuebot.seen == []


def interface(package: str) -> FileDescriptorProto:
    file = FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    file.message_type.add(name="M")
    method = file.service.add(name="FrameInterface").method.add(name="X")
    method.input_type = method.output_type = f".{package}.M"
    return file


def test_an_excluded_service_does_not_leave_its_name_to_another() -> None:
    """Aliases are computed over the whole schema: excluding something opens nothing."""
    schema = assumed_schema([interface("job"), interface("frame")], "test")
    catalog = build_catalog(schema, Selection(exclude=("frame.FrameInterface",)))
    assert [*catalog.routes] == ["/job.FrameInterface/X"]
