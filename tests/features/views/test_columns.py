"""Columns that are computed from rows, in all places where fields can be."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest

from gateway.core.errors import Code, GatewayError
from gateway.core.schema.method import Method
from gateway.core.schema.selection import Selection
from gateway.features.catalog import Profile, build_catalog, load_profile
from gateway.features.views import compiled_view
from gateway.features.views.columns import elapsed, hours, share, waiting
from gateway.features.views.compiled_view import AnswerViews
from tests.features.views.answers import NOW, PLAIN, Row, filled, jobs, rows_in

CATALOG = build_catalog(PLAIN.schema, Selection(), load_profile("opencue"))
GET_FRAMES = CATALOG.routes["/job.JobInterface/GetFrames"]
GET_JOBS = CATALOG.routes["/job.JobInterface/GetJobs"]
FIND_JOB = CATALOG.routes["/job.JobInterface/FindJob"]
GET_LAYERS = CATALOG.routes["/job.JobInterface/GetLayers"]
GET_HOSTS = CATALOG.routes["/host.HostInterface/GetHosts"]
GET_SUBSCRIPTIONS = CATALOG.routes["/show.ShowInterface/GetSubscriptions"]
GET_PROCS = CATALOG.routes["/host.ProcInterface/GetProcs"]


@pytest.mark.parametrize(
    ("compute", "values", "expected"),
    [
        (elapsed, (0, 0), None),  # it has not begun
        (elapsed, (NOW - 60, 0), 60),
        (elapsed, (NOW - 60, NOW - 20), 40),
        (elapsed, (NOW - 60,), 60),
        (elapsed, (NOW + 5, 0), 0),  # Cuebot's clock is ahead
        (elapsed, (NOW - 20, NOW - 60), 0),
        (elapsed, (None, None), None),
        (waiting, (NOW - 60, 0, 0), 60),
        (waiting, (NOW - 60, 0, 1), None),
        (waiting, (NOW - 60, NOW - 1, 0), None),
        (waiting, (0, 0, 0), None),
        (waiting, (NOW - 60, 0, None), 60),
        (hours, (0,), 0.0),
        (hours, (5400,), 1.5),
        (hours, (10,), 0.0028),
        (hours, (None,), None),
        (share, (1, 3), 0.3333),
        (share, (3, 2), 1.5),
        (share, (0, 2), 0.0),
        (share, (2, 0), None),
    ],
)
def test_what_is_computed(
    compute: Callable[..., Any], values: tuple[int | None, ...], expected: float | None
) -> None:
    assert compute(NOW, *values) == expected


FRAMES = filled(
    "job.JobGetFramesResponse",
    frames={
        "frames": [
            {"name": "done", "start_time": NOW - 7200, "stop_time": NOW - 3600},
            {"name": "runs", "start_time": NOW - 60, "used_memory": 1, "reserved_memory": 4},
            {"name": "waits"},
            {"name": "long", "start_time": NOW - 9000, "stop_time": NOW, "total_core_time": 5400},
        ]
    },
)


def seen(method: Method, payload: bytes, at: int = NOW, /, **asked: str) -> bytes:
    """What the method's view shows at a moment."""
    with patch.object(compiled_view, "time", lambda: at):
        view = AnswerViews.of(method).compiled(
            tuple((f"_{name}", text) for name, text in asked.items())
        )
    assert view is not None
    return b"".join(view.encode(payload))


def frames(at: int = NOW, /, **asked: str) -> list[Row]:
    return rows_in([seen(GET_FRAMES, FRAMES, at, **asked)])


def names(**asked: str) -> list[str]:
    return [each["name"] for each in frames(fields="name", **asked)]


def refusal(method: Method, **asked: str) -> str:
    with pytest.raises(GatewayError) as refused:
        seen(method, b"", **asked)
    assert refused.value.code is Code.INVALID_ARGUMENT
    return refused.value.message


def test_columns_are_shown_with_fields_that_are_asked_for() -> None:
    assert frames(fields="name,runtime") == [
        {"name": "done", "runtime": 3600},
        {"name": "runs", "runtime": 60},
        {"name": "waits", "runtime": None},
        {"name": "long", "runtime": 9000},
    ]


def test_no_other_answer_has_columns() -> None:
    assert "runtime" not in frames(sort="runtime")[0]
    assert "runtime" not in rows_in(GET_FRAMES.encode(FRAMES))[0]


def test_the_longest_frame_as_csv() -> None:
    found = seen(
        GET_FRAMES, FRAMES, sort="-runtime", fields="name,runtime", limit="1", format="csv"
    )
    assert found == b'"name","runtime"\r\n"long",9000\r\n'


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("runtime>30m", ["done", "long"]),
        ("runtime<=60", ["runs"]),
        ("runtime>=2h30m or runtime=60s", None),
        ("not runtime>30m", ["runs", "waits"]),
        ("memoryUsed>0.2", ["runs"]),
        ("coreHours=1.5", ["long"]),
        ("runtime>totalCoreTime", ["done", "runs", "long"]),
        ("core_hours>1", ["long"]),
        ("COREHOURS>1", ["long"]),
    ],
)
def test_conditions(where: str, expected: list[str] | None) -> None:
    if expected is None:
        assert "a duration such as 10m" in refusal(GET_FRAMES, where=where)
    else:
        assert names(where=where) == expected


def test_a_column_goes_by_its_own_name_however_it_is_asked_for() -> None:
    assert frames(fields="core_hours", limit="1") == [{"coreHours": 0.0}]


def test_rows_without_a_value_come_last() -> None:
    assert names(sort="-runtime") == ["long", "done", "runs", "waits"]
    assert names(sort="runtime") == ["runs", "done", "long", "waits"]


def test_cached_views_are_of_the_present_moment() -> None:
    """Also those whose condition has an age, which depends on the moment without saying `now`."""
    for later in (0, 100):
        assert frames(NOW + later, fields="runtime")[1] == {"runtime": 60 + later}
        began = frames(NOW + later, where="startTime>150s", fields="name")
        assert ({"name": "runs"} in began) == (later == 100)


def test_groups_and_sums() -> None:
    payload = jobs(
        [
            {"show": "a", "user": "lena", "job_stats": {"total_core_sec": 360, "max_rss": 1}},
            {"show": "a", "user": "lena", "job_stats": {"total_core_sec": 720}},
            {"show": "b", "user": "lena", "job_stats": {"total_core_sec": 1800}},
            {"show": "b", "user": "marco"},
        ]
    )
    asked = {"group": "show,user", "count": "", "sum": "coreHours,succeededFrames"}
    assert seen(GET_JOBS, payload, format="csv", **asked) == (
        b'"show","user","count","sum(coreHours)","sum(succeededFrames)"\r\n'
        b'"a","lena",2,0.3,0\r\n"b","lena",1,0.5,0\r\n"b","marco",1,0,0\r\n'
    )
    assert seen(GET_JOBS, payload, max="coreHours", min="coreHours") == (
        b'{"min":{"coreHours":0.1},"max":{"coreHours":0.5}}'
    )


def test_jobs_that_wait() -> None:
    payload = jobs(
        [
            {"name": "waits", "start_time": NOW - 660},
            {"name": "new", "start_time": NOW - 60},
            {"name": "runs", "start_time": NOW - 660, "job_stats": {"running_frames": 1}},
            {"name": "done", "start_time": NOW - 660, "stop_time": NOW - 1},
        ]
    )
    found = rows_in([seen(GET_JOBS, payload, where="waiting>10m", fields="name,waiting")])
    assert found == [{"name": "waits", "waiting": 660}]


def test_the_only_object_of_an_answer_has_columns() -> None:
    payload = filled("job.JobFindJobResponse", job={"job_stats": {"total_core_sec": 5400}})
    assert seen(FIND_JOB, payload, fields="coreHours") == b'{"job":{"coreHours":1.5}}'


def test_procs_run_since_they_were_dispatched() -> None:
    proc = {"name": "n/1", "dispatch_time": NOW - 60, "used_memory": 3, "reserved_memory": 4}
    payload = filled("host.ProcGetProcsResponse", procs={"procs": [proc]})
    asked = {"fields": "host,runtime,memoryUsed"}
    row = {"host": "n", "runtime": 60, "memoryUsed": 0.75}
    assert rows_in([seen(GET_PROCS, payload, **asked)]) == [row]


def test_how_full_a_subscription_is() -> None:
    found = {"reserved_cores": 2400, "size": 1600, "burst": 4800}
    none = {"reserved_cores": 0, "size": 0, "burst": 0}
    payload = filled(
        "show.ShowGetSubscriptionResponse", subscriptions={"subscriptions": [found, none]}
    )
    rows = rows_in([seen(GET_SUBSCRIPTIONS, payload, fields="sizeUsed,burstUsed")])
    assert rows == [{"sizeUsed": 1.5, "burstUsed": 0.5}, {"sizeUsed": None, "burstUsed": None}]


def test_names_that_people_have_for_fields() -> None:
    proc = {"dispatch_time": NOW, "used_memory": 3, "log_path": "/a"}
    payload = filled("host.ProcGetProcsResponse", procs={"procs": [proc]})
    for name in ("since", "started", "start_time"):
        assert rows_in([seen(GET_PROCS, payload, fields=name)])[0].popitem()[1] == NOW
    row = {"memory": "3", "log": "/a"}
    assert rows_in([seen(GET_PROCS, payload, fields="memory,log")]) == [row]
    assert names(where="started>1m", sort="-since") == ["done", "long"]


@pytest.mark.parametrize(
    ("method", "field", "way"),
    [
        (GET_PROCS, "layer", "in frameName"),
        (GET_HOSTS, "lockedBy", "HostInterface/GetComments"),
        (GET_JOBS, "doneFrames", "succeededFrames"),
    ],
)
def test_what_is_elsewhere_is_told(method: Method, field: str, way: str) -> None:
    assert way in refusal(method, fields=field)


def test_near_names_are_told() -> None:
    assert "did you mean runtime?" in refusal(GET_FRAMES, sort="-runtim")
    assert "did you mean coreHours?" in refusal(GET_LAYERS, fields="coreHour")


def test_columns_have_units() -> None:
    assert AnswerViews.of(GET_FRAMES).row_units["runtime"] == "seconds"
    assert "memoryUsed" not in AnswerViews.of(GET_FRAMES).row_units


def test_columns_have_no_fields() -> None:
    assert "'runtime' has no fields" in refusal(GET_FRAMES, fields="runtime.x")


def profile(entry: dict[str, Any], name: str = "runtime") -> Profile:
    return Profile.model_validate({"columns": {"job.Frame": {name: entry}}})


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        (profile({"is": "elapsed", "of": ["began"]}), "job.Frame has no began"),
        (profile({"is": "hours", "of": ["number"]}, "maxRss"), "Cuebot has it"),
        (profile({"is": "hours", "of": ["name"]}), "name is no number"),
        (profile({"is": "share", "of": ["number"]}), "share takes another number of fields"),
        (
            Profile.model_validate({"columns": {"job.Fram": {"a": {"is": "hours", "of": ["b"]}}}}),
            "there is no message job.Fram",
        ),
    ],
)
def test_what_does_not_fit_the_schema_is_idle(columns: Profile, problem: str) -> None:
    catalog = build_catalog(PLAIN.schema, Selection(), columns)
    (unused,) = catalog.idle.entries
    assert problem in unused.reason


def test_a_foreign_schema_has_no_columns() -> None:
    method = PLAIN.routes["/job.JobInterface/GetFrames"]
    assert "has no field 'runtime'" in refusal(method, fields="runtime")
