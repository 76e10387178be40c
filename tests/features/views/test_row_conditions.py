"""Conditions with sizes, durations, times and other fields, against the same done by hand."""

import operator
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import GatewayError
from gateway.core.schema.method import Method
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from gateway.features.views.columns import NO_OWNERS
from gateway.features.views.compiled_view import AnswerViews
from gateway.features.views.units import Unit, in_unit, moment
from tests.features.views.answers import (
    NOW,
    PLAIN,
    Row,
    filled,
    hosts,
    jobs,
    refusal,
    rows_seen,
    view_of,
)
from tests.support.opencue import message_class

CATALOG = build_catalog(PLAIN.schema, Selection(), load_profile("opencue"))
GET_FRAMES = CATALOG.routes["/job.JobInterface/GetFrames"]
GET_JOBS = CATALOG.routes["/job.JobInterface/GetJobs"]
GET_HOSTS = CATALOG.routes["/host.HostInterface/GetHosts"]
GB = 2**20
"""In kB."""
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def names(method: Method, payload: bytes, where: str) -> list[str]:
    return [row["name"] for row in rows_seen(payload, method, where=where)]


def named(values: list[Row]) -> list[Row]:
    """These rows, whose names are their numbers."""
    return [{"name": str(number), **each} for number, each in enumerate(values)]


def refused(where: str, method: Method = GET_JOBS) -> str:
    return refusal(method, where=where)


# --- Units ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "unit", "expected"),
    [
        ("16GB", "kB", 16 * GB),
        ("16gb", "kB", 16 * GB),
        ("16GiB", "kB", 16 * GB),
        ("16G", "kB", 16 * GB),
        ("1.5M", "kB", 1536),
        ("2kB", "kB", 2),
        ("1024B", "kB", 1),
        ("1B", "kB", 1 / 1024),
        ("0.1GB", "kB", 104857.6),
        ("1TB", "bytes", 2**40),
        ("3PB", "MB", 3 * 2**30),
        ("-1GB", "MB", -1024),
        ("10m", "seconds", 600),
        ("1.5h", "seconds", 5400),
        ("2d", "seconds", 172_800),
        ("1w", "seconds", 604_800),
        ("16", "kB", None),
        ("16XB", "kB", None),
        ("GB", "kB", None),
        ("16 GB", "kB", None),
        ("16GB", "seconds", None),
        ("16GB", "time", None),
        ("16GB", None, None),
        ("10m", "time", None),
        ("10M", "seconds", None),
        ("٣GB", "kB", None),
        ("1" * 16 + "GB", "kB", None),
    ],
)
def test_sizes_and_durations(text: str, unit: Unit | None, expected: float | None) -> None:
    assert in_unit(text, unit) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", 0),
        ("now-90s", -90),
        ("now-10m", -600),
        ("now+1h", 3600),
        ("now-2d", -172_800),
        ("now - 1w", -604_800),
        ("now-1", None),
        ("now-1y", None),
        ("snow-1h", None),
        ("now-1h30m", None),
        ("now-" + "9" * 10 + "s", None),
    ],
)
def test_times(text: str, expected: int | None) -> None:
    assert moment(text, NOW) == (None if expected is None else NOW + expected)


ROWS: list[Row] = [
    {"max_rss": 16 * GB, "start_time": NOW - 3600, "stop_time": 0, "total_core_time": 600},
    {"max_rss": 16 * GB + 1, "start_time": NOW - 3601, "stop_time": NOW - 60},
    {"max_rss": 0, "start_time": 0, "total_core_time": 601},
    {"max_rss": 100, "start_time": NOW + 10, "stop_time": NOW + 20},
]
SOME = filled("job.JobGetFramesResponse", frames={"frames": named(ROWS)})


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("maxRss>16GB", "1"),
        ("maxRss>=16GB", "01"),
        ("maxRss=16g", "0"),
        ("maxRss in (16GB, 100kB)", "03"),
        ("maxRss>0", "013"),
        ("startTime=0", "2"),
        ("max_rss<100.5kB", "23"),
        ("totalCoreTime>10m", "2"),
        ("totalCoreTime=600s", "0"),
        ("startTime<now-1h", "1"),
        ("startTime<=now-1h", "01"),
        ("startTime<now - 1h", "1"),
        ("(startTime<now-1h)and(stopTime>now-2m)", "1"),
        ("startTime>now", "3"),
        ("startTime>1h", "1"),
        ("startTime >= 60m", "01"),
        ("startTime<1h", "3"),
        ("not startTime<=1h", "12"),
        ("startTime!=now-1h", "123"),
        ("not startTime<now-1h", "023"),
        ("startTime<1600000000", "2"),
        ("stopTime<now+1d", "13"),
        ("'startTime'<'now-1h'", "1"),
    ],
)
def test_values_in_the_unit_of_their_field(where: str, expected: str) -> None:
    """A time of 0 has not come: it is before no other."""
    assert names(GET_FRAMES, SOME, where) == list(expected)


def test_a_condition_knows_whether_it_depends_on_the_time() -> None:
    for where, depends in (
        ("startTime<now-1h", True),
        ("startTime>1h", True),
        ("startTime<1700000000 or stopTime=now", True),
        ("name=now", False),
        ("maxRss>16GB", False),
        ("startTime<stopTime", False),
    ):
        assert view_of(GET_FRAMES, where=where).depends_on_time is depends, where


def test_a_cached_view_does_not_keep_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A view with `now` is made for each request, and is renewed while it waits."""
    clock = [float(NOW)]
    monkeypatch.setattr("gateway.features.views.compiled_view.time", lambda: clock[0])
    asked = (("_where", "startTime<now-1h"), ("_fields", "name"))

    def shown(view: Any) -> bytes:
        return b"".join(view.encode(SOME))

    first = AnswerViews.of(GET_FRAMES).compiled(asked)
    assert first is not None
    assert first.renewed is not None
    clock[0] += 1
    second = AnswerViews.of(GET_FRAMES).compiled(asked)
    assert shown(first) == b'{"frames":{"frames":[{"name":"1"}]}}'
    two = b'{"frames":{"frames":[{"name":"0"},{"name":"1"}]}}'
    assert shown(second) == shown(first.renewed(NO_OWNERS)) == two
    plain = (("_where", "startTime<1700000000"),)
    assert AnswerViews.of(GET_FRAMES).compiled(plain) is AnswerViews.of(GET_FRAMES).compiled(plain)


# --- Fields beside fields -------------------------------------------------------------------
PRIORITIES = st.integers(-2, 2)
JOBS = st.lists(
    st.fixed_dictionaries(
        {"user": st.sampled_from(["lena", "marco"]), "group": st.sampled_from(["lena", "len"])},
        optional={
            "priority": PRIORITIES,
            "uid": PRIORITIES,
            "min_cores": st.sampled_from([-1.0, 0.5, 2.0]),
            "is_paused": st.booleans(),
            "auto_eat": st.booleans(),
            "job_stats": st.fixed_dictionaries(
                {},
                optional={
                    "succeeded_frames": PRIORITIES,
                    "total_frames": PRIORITIES,
                    "max_rss": st.integers(-(2**63), 2**63 - 1),
                    "total_core_sec": st.integers(-(2**63), 2**63 - 1),
                },
            ),
        },
    ),
    max_size=6,
)
PAIRS = (
    *(("jobStats.succeededFrames", "jobStats.totalFrames"), ("priority", "uid")),
    *(("uid", "minCores"), ("minCores", "priority"), ("priority", "jobStats.maxRss")),
    *(("jobStats.maxRss", "jobStats.totalCoreSec"), ("user", ".group"), ("group", ".user")),
    *(("isPaused", ".autoEat"), ("state", ".state"), ("priority", ".uid")),
)


def at(job: Any, path: str) -> Any:
    """What a job has at a path; None for what is not set."""
    for name in path.removeprefix(".").split("."):
        field = next(each for each in job.DESCRIPTOR.fields if each.json_name == name)
        if field.has_presence and not job.HasField(field.name):
            return None
        job = getattr(job, field.name)
    return job


@given(JOBS, st.sampled_from(PAIRS), st.sampled_from(sorted(OPERATORS)), st.booleans())
def test_a_field_beside_another(
    values: list[Row], pair: tuple[str, str], sign: str, negated: bool
) -> None:
    """As Python compares them; what is not set on either side fits nothing but `!=`."""
    left, right = pair
    if left in ("isPaused", "state") and sign not in ("=", "!="):
        return
    payload = jobs(named(values))
    expected = []
    for job in message_class("job.JobGetJobsResponse").FromString(payload).jobs.jobs:
        one, other = at(job, left), at(job, right)
        unset = one is None or other is None
        fits = sign == "!=" if unset else OPERATORS[sign](one, other)
        if fits != negated:
            expected.append(job.name)
    condition = f"{left} {sign} {right}"
    assert names(GET_JOBS, payload, f"not {condition}" if negated else condition) == expected
    assert names(GET_JOBS, payload, f"({left}{sign}{right}) and name!='x' or name=x") == (
        expected if not negated else [n for n in map(str, range(len(values))) if n not in expected]
    )


def test_of_a_list_one_value_has_to_fit_the_other_field() -> None:
    tags = {"gpu": ["big", "gpu"], "b": ["gpu"], "none": []}
    payload = hosts({"name": name, "tags": each} for name, each in tags.items())
    assert names(GET_HOSTS, payload, "tags=.name") == ["gpu"]
    assert names(GET_HOSTS, payload, "tags!=.name") == ["b", "none"]
    assert "tags at 6 has several values" in refused("name=.tags", GET_HOSTS)


def test_texts_and_patterns_with_dots_are_what_they_were() -> None:
    """Only a dot before a name, alone, is a field; `:` and `~` know none."""
    payload = jobs(named([{"user": "group", "group": "x", "log_dir": "/a.exr/.group"}]))
    for where, fits in (
        ("user=group", True),
        ("user=.group", False),
        ("user='.group'", False),
        ("user='gr*'", False),
        ("logDir:.group", True),
        ("logDir~.group", True),
        ("logDir=./x", False),
        ("logDir!=.5", True),
        ("minCores>=.0", True),
        ("priority=-0", True),
    ):
        assert bool(names(GET_JOBS, payload, where)) is fits, where


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("priority>16GB", "priority: expected a number, got '16GB' at 10; no unit is known for it"),
        ("priority>now-1h", "got 'now-1h' at 10; no unit is known for it"),
        ("priority>high", "priority: expected a number, got 'high' at 10; job.Job has no field"),
        ("priority>uidd", "did you mean uid?"),
        ("priority>'uid'", "priority: expected a number, got 'uid' at 10"),
        ("priority in (1, uid)", "priority: expected a number, got 'uid' at 17"),
        ("startTime=1h", "a time such as now-1h, or, with < and >, an age such as 1h, got '1h'"),
        ("startTime in (1h)", "got '1h' at 15"),
        ("startTime<now-1y", "an age such as 1h, got 'now-1y' at 11"),
        ("startTime<yesterday", "an age such as 1h, got 'yesterday' at 11"),
        ("jobStats.maxRss>16XB", "expected a size such as 16GB, got '16XB' at 17"),
        ("jobStats.maxRss>'16 XB'", "expected a size such as 16GB, got '16 XB' at 17"),
        ("jobStats.maxRss>4", "jobStats.maxRss: 4 alone is no size; write 4GB, 4MB, 4kB"),
        ("maxRss>4.5", "maxRss: 4.5 alone is no size; write 4.5GB, 4.5MB, 4.5kB"),
        ("jobStats.maxRss in (1GB, 100)", "100 alone is no size"),
        (
            "startTime>60",
            "startTime: 60 alone is no time; startTime>60s is more than 60 s ago (1m, 2h, 3d)",
        ),
        ("startTime>170000000000", "170000000000 alone is no time"),
        ("jobStats.avgFrameSec>10M", "or a duration such as 10m, got '10M' at 22"),
        ("priority>user", "priority is a number, and user at 10 is a text: compare fields of"),
        ("user=.priority", "user is a text, and priority at 6 is a number: compare fields of one"),
        ("isPaused=.user", "isPaused is true or false, and user at 10 is a text"),
        ("isPaused<.autoEat", "isPaused has no order; compare it with = or !="),
        ("state<.state", "state has no order; compare it with = or !="),
        ("state=.user", "state is a job.JobState, and user at 7 is a text"),
        (
            "name=*comp*",
            "name: there are no wildcards ('*comp*' at 6); name:comp is contains",
        ),
        ("name:comp*", "there are no wildcards ('comp*' at 6)"),
        ("user in (lena, ma*)", "there are no wildcards ('ma*' at 16)"),
        ("user=.grup", "user: job.Job has no field 'grup'; did you mean group?"),
        ("user=.grup", "'.grup' at 6 is a field; a text with a dot in front is in quotes"),
        ("priority>jobStats", "jobStats is an object; name one of its fields"),
        ("user=.jobStats", "jobStats is an object; name one of its fields"),
        (
            "user in (.group, lena)",
            "user: a list has no fields; compare with each ('.group' at 10)",
        ),
        ("priority:.uid", "priority is no text"),
        ("startTime<now -1x", "expected and, or, or the end at 15, found '-1x'"),
    ],
)
def test_what_is_wrong_is_said(where: str, words: str) -> None:
    assert words in refused(where)


def test_without_a_profile_fields_stand_beside_fields_and_have_no_units() -> None:
    views = AnswerViews.of(PLAIN.routes[GET_FRAMES.path])
    assert views.compiled((("_where", "maxRss>usedMemory"),)) is not None
    with pytest.raises(GatewayError, match="no unit is known for it"):
        views.compiled((("_where", "maxRss>16GB"),))
