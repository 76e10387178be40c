"""How calls fail about what is not there, and about what is not simulated."""

from typing import Any

import pytest

from tests.simulator.in_process import (
    JOB_NOT_FOUND,
    NOTHING_FOUND,
    UNCAUGHT,
    Cuebot,
    database_says,
)

COMP = "demo-sh010-lena_comp_v003"

NO_ID: dict[str, Any] = {"id": "nobody"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param(name, values, id=name)
        for name, values in [
            ("ShowInterface/FindShow", {"name": "x"}),
            ("JobInterface/FindJob", {"name": "x"}),
            ("JobInterface/GetJob", NO_ID),
            ("LayerInterface/GetLayer", NO_ID),
            ("LayerInterface/FindLayer", {"job": COMP, "layer": "x"}),
            ("FrameInterface/GetFrame", NO_ID),
            ("FrameInterface/FindFrame", {"job": COMP, "layer": "comp", "frame": 1}),
            ("GroupInterface/GetGroup", NO_ID),
            ("GroupInterface/FindGroup", {"show": "demo", "name": "x"}),
            ("HostInterface/GetHost", NO_ID),
            ("HostInterface/FindHost", {"name": "x"}),
            ("OwnerInterface/GetOwner", {"name": "x"}),
            ("AllocationInterface/Find", {"name": "x"}),
            ("ServiceInterface/GetService", {"name": "x"}),
            ("SubscriptionInterface/Get", NO_ID),
        ]
    ],
)
def test_a_thing_that_is_not_there_is_not_found(
    cuebot: Cuebot, name: str, values: dict[str, Any]
) -> None:
    """Get and Find by key answer NOT_FOUND with Spring's text."""
    assert cuebot.refusal(name, **values) == ("NOT_FOUND", NOTHING_FOUND)


@pytest.mark.parametrize("method", ["Pause", "Kill", "GetFrames", "GetLayers", "GetCurrent"])
def test_a_job_that_is_not_there_is_called_so(cuebot: Cuebot, method: str) -> None:
    """All other methods of JobInterface say which thing it is."""
    refusal = cuebot.refusal(f"JobInterface/{method}", job=NO_ID)
    assert refusal == ("NOT_FOUND", JOB_NOT_FOUND)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param(name, values, id=name)
        for name, values in [
            ("HostInterface/Lock", {"host": NO_ID}),
            ("HostInterface/GetProcs", {"host": NO_ID}),
            ("FrameInterface/Kill", {"frame": NO_ID}),
            ("FrameInterface/GetFrames", {"job": "x"}),
            ("LayerInterface/GetFrames", {"layer": NO_ID}),
            ("LayerInterface/KillFrames", {"layer": NO_ID}),
            ("GroupInterface/SetMinCores", {"group": NO_ID}),
            ("GroupInterface/GetJobs", {"group": NO_ID}),
            ("OwnerInterface/TakeOwnership", {"owner": NO_ID}),
            ("ProcInterface/Kill", {"proc": NO_ID}),
            ("ProcInterface/GetHost", {"proc": NO_ID}),
            ("DeedInterface/GetOwner", {"deed": NO_ID}),
            ("ShowInterface/GetGroups", {"show": NO_ID}),
        ]
    ],
)
def test_an_exception_that_no_servant_catches_is_internal(
    cuebot: Cuebot, name: str, values: dict[str, Any]
) -> None:
    """Everything else ends in Cuebot's interceptor: class and text, newline, text again."""
    assert cuebot.refusal(name, **values) == ("INTERNAL", UNCAUGHT)


@pytest.mark.parametrize(
    "name",
    [
        "rqd.RqdInterface/GetRunFrame",
        "report.RqdReportInterface/ReportStatus",
        "monitoring.MonitoringInterface/GetJobHistory",
        "host.HostInterface/RestartRqdNow",
    ],
)
def test_a_method_that_is_not_there_is_not_found(cuebot: Cuebot, name: str) -> None:
    """GrpcServer registers no such service, or its protos have no such method."""
    code, text = cuebot.refusal(name.partition(".")[2])
    assert (code, text) == ("UNIMPLEMENTED", f"Method not found: {name}")


@pytest.mark.parametrize(
    "name", ["job.LayerInterface/SetMinGpu", "department.DepartmentInterface/Delete"]
)
def test_a_method_without_code_is_unimplemented(cuebot: Cuebot, name: str) -> None:
    """Its servant does not override it."""
    code, text = cuebot.refusal(name.partition(".")[2])
    assert (code, text) == ("UNIMPLEMENTED", f"Method {name} is unimplemented")


@pytest.mark.parametrize(
    ("name", "values"),
    [
        pytest.param(name, values, id=name)
        for name, values in [
            ("ShowInterface/FindShow", {"name": "de\0mo"}),
            ("JobInterface/FindJob", {"name": "\0"}),
            ("JobInterface/GetJob", {"id": "a\0"}),
            ("JobInterface/Pause", {"job": {"id": "a\0"}}),
            ("JobInterface/GetJobs", {"r": {"shows": ["demo", "a\0"]}}),
            ("HostInterface/Lock", {"host": {"id": "a\0"}}),
            ("HostInterface/GetHosts", {"r": {"hosts": ["a\0"]}}),
            ("ProcInterface/GetProcs", {"r": {"hosts": ["a\0"]}}),
            ("FacilityInterface/Create", {"name": "a\0"}),
            ("LimitInterface/Create", {"name": "a\0", "max_value": 1}),
        ]
    ],
)
def test_the_database_takes_no_nul(cuebot: Cuebot, name: str, values: dict[str, Any]) -> None:
    """PostgreSQL has no character 0, neither to find nor to keep."""
    where = "\n  Where: unnamed portal parameter $1"
    text = f'invalid byte sequence for encoding "UTF8": 0x00{where}'
    assert cuebot.refusal(name, **values) == database_says(text)


def test_a_nul_in_the_frames_that_are_searched_is_refused(cuebot: Cuebot) -> None:
    """A frame range is read before the database is asked."""
    job = {"id": cuebot.job(COMP).id}
    code, text = cuebot.refusal("JobInterface/GetFrames", job=job, req={"layers": ["a\0"]})
    assert (code, "0x00" in text) == ("INTERNAL", True)
    code, text = cuebot.refusal("JobInterface/GetFrames", job=job, req={"frame_range": "\0"})
    assert (code, "IllegalArgumentException" in text) == ("INTERNAL", True)


def test_a_name_that_is_checked_first_is_refused_for_its_form(cuebot: Cuebot) -> None:
    """ManageShow.createShow conforms the name before the database sees it."""
    code, text = cuebot.refusal("ShowInterface/CreateShow", name="a\0bc")
    assert (code, "is not in the proper format" in text) == ("INTERNAL", True)
