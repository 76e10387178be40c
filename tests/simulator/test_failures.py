"""How calls fail about what is not there, and about what is not simulated."""

from typing import Any

import pytest

from tests.simulator.in_process import NOTHING_FOUND, UNCAUGHT, Cuebot

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
            ("JobInterface/Pause", {"job": NO_ID}),
            ("JobInterface/Kill", {"job": NO_ID}),
            ("JobInterface/GetFrames", {"job": NO_ID}),
            ("JobInterface/GetLayers", {}),
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
        ]
    ],
)
def test_a_thing_that_is_not_there_is_not_found(
    cuebot: Cuebot, name: str, values: dict[str, Any]
) -> None:
    """Get and Find by key, and all of JobInterface, answer NOT_FOUND with Spring's text."""
    assert cuebot.refusal(name, **values) == ("NOT_FOUND", NOTHING_FOUND)


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
            ("SubscriptionInterface/Get", NO_ID),
        ]
    ],
)
def test_an_exception_that_no_servant_catches_is_internal(
    cuebot: Cuebot, name: str, values: dict[str, Any]
) -> None:
    """Everything else ends in Cuebot's interceptor: class and text, newline, text again."""
    assert cuebot.refusal(name, **values) == ("INTERNAL", UNCAUGHT)


def test_a_method_that_is_not_simulated_is_unimplemented(cuebot: Cuebot) -> None:
    """What this Cuebot cannot do it says by name."""
    assert cuebot.refusal("RqdReportInterface/ReportStatus") == (
        "UNIMPLEMENTED",
        "not simulated: /report.RqdReportInterface/ReportStatus",
    )
