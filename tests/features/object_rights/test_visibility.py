"""What `see` leaves of an answer, beside an independent filter of the whole answer."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.long_work import in_turns
from gateway.core.schema.selection import Selection
from gateway.features.catalog import build_catalog, load_profile
from gateway.features.object_rights.conditions import read_condition
from gateway.features.object_rights.visibility import (
    NOTHINGS_NAME,
    Hidden,
    Sight,
    visibility_of,
    visible,
)
from tests.support.opencue import message_class, opencue
from tests.support.protos import examples

Facts = Mapping[str, str]
Oracle = Callable[[Facts], bool | None]
"""Whether a condition holds; None if that is not known."""

CATALOG = build_catalog(opencue(), Selection(), load_profile("opencue"))
CLAIMS = {"sub": "lena", "shows": ["demo", "harbor"], "none": []}
VALUES = {"$sub": ["lena"], "$shows": ["demo", "harbor"], "$none": [], "$missing": None}
SHOWS, USERS = ("demo", "harbor", "secret", ""), ("lena", "bo", "")
JOBS = ("demo-1", "secret-1", "bo-1")


@st.composite
def comparisons(draw: st.DrawFn) -> tuple[str, Oracle]:
    """The text of a comparison, and whether it holds."""
    fact = draw(st.sampled_from(["show", "user", "job", "group"]))
    value = draw(st.sampled_from([*VALUES, *SHOWS[:3], *USERS[:2], *JOBS]))
    operator = draw(st.sampled_from(["=", "!=", "in", ":"]))
    texts = VALUES.get(value, [value])

    def holds(facts: Facts) -> bool | None:
        if not facts.get(fact) or texts is None:
            return None
        found = any(
            text in facts[fact] if operator == ":" else text == facts[fact] for text in texts
        )
        return found is (operator != "!=")

    shown = f"({value})" if operator == "in" and not value.startswith("$") else value
    return f"{fact} {operator} {shown}", holds


def both(word: str, one: tuple[str, Oracle], other: tuple[str, Oracle]) -> tuple[str, Oracle]:
    decides = word == "or"

    def holds(facts: Facts) -> bool | None:
        said = {one[1](facts), other[1](facts)}
        if decides in said:
            return decides
        return None if None in said else not decides

    return f"({one[0]} {word} {other[0]})", holds


def opposite(one: tuple[str, Oracle]) -> tuple[str, Oracle]:
    def holds(facts: Facts) -> bool | None:
        said = one[1](facts)
        return None if said is None else not said

    return f"not ({one[0]})", holds


CONDITIONS = st.recursive(
    comparisons(),
    lambda inner: st.one_of(
        st.builds(both, st.sampled_from(["and", "or"]), inner, inner),
        inner.map(opposite),
    ),
    max_leaves=4,
)
SHOW, USER, JOB = st.sampled_from(SHOWS), st.sampled_from(USERS), st.sampled_from(JOBS)
A_JOB = st.fixed_dictionaries(
    {
        "id": st.uuids().map(str),
        "name": JOB,
        "show": SHOW,
        "user": USER,
        "shot": st.text(max_size=3),
    }
)
A_PROC = st.fixed_dictionaries({"name": JOB, "jobName": JOB, "showName": SHOW})
GROUPS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    st.builds(dict, name=SHOW, inlineJobs=st.lists(A_JOB, max_size=4)),
    lambda inner: st.builds(
        dict,
        name=SHOW,
        inlineJobs=st.lists(A_JOB, max_size=4),
        groups=st.lists(inner, max_size=3).map(lambda groups: {"nestedGroups": groups}),
    ),
    max_leaves=6,
)


def job_facts(row: Mapping[str, Any]) -> Facts:
    return {"show": row.get("show", ""), "user": row.get("user", ""), "job": row.get("name", "")}


def proc_facts(row: Mapping[str, Any]) -> Facts:
    return {"show": row.get("showName", ""), "job": row.get("jobName", "")}


def seen(path: str, condition: str, message: Any, payload: bytes = b"") -> Any:
    """What the rule leaves, as JSON; `payload` is the message, if it is not as it is written."""
    method = CATALOG.routes[path]
    visibility = visibility_of(method, read_condition(condition))
    assert visibility.rows is not None
    sight = Sight(read_condition(condition), CLAIMS)

    async def cut() -> bytes:
        assert visibility.rows is not None
        content = payload or message.SerializeToString()
        return (await in_turns(visible(memoryview(content), visibility.rows, sight))).content

    answer = type(message).FromString(asyncio.run(cut()))
    return json_format.MessageToDict(answer)


def parsed(name: str, content: dict[str, Any]) -> Any:
    return json_format.ParseDict(content, message_class(name)())


@examples(50)
@given(CONDITIONS, st.lists(A_JOB, max_size=40))
def test_jobs(condition: tuple[str, Oracle], rows: list[dict[str, Any]]) -> None:
    text, holds = condition
    text = f"({text}) or job = nobodys"
    rows = rows * 8  # more than are looked at together
    message = parsed("job.JobGetJobsResponse", {"jobs": {"jobs": rows}})
    whole = json_format.MessageToDict(message).get("jobs", {}).get("jobs", [])
    shown = seen("/job.JobInterface/GetJobs", text, message).get("jobs", {}).get("jobs", [])
    assert shown == [row for row in whole if holds(job_facts(row))]


@examples(50)
@given(CONDITIONS, st.lists(A_PROC, max_size=20))
def test_hosts_with_procs(condition: tuple[str, Oracle], rows: list[dict[str, Any]]) -> None:
    text, holds = condition
    text = f"({text}) or job = nobodys"
    hosts = [
        {"name": f"host{number}", "procs": {"nestedProcs": rows[number::3]}} for number in range(3)
    ]
    message = parsed("host.HostGetHostWhiteboardResponse", {"nestedHosts": {"nestedHosts": hosts}})
    shown = seen("/host.HostInterface/GetHostWhiteboard", text, message)
    wanted = json_format.MessageToDict(message)
    left = []
    for host in wanted["nestedHosts"].pop("nestedHosts"):
        procs = host["procs"].get("nestedProcs", [])
        host["procs"] = {"nestedProcs": [row for row in procs if holds(proc_facts(row))]}
        left += [host] if host["procs"]["nestedProcs"] else []
    wanted["nestedHosts"] |= {"nestedHosts": left} if left else {}
    assert shown == wanted


@examples(50)
@given(CONDITIONS, GROUPS)
def test_groups_of_jobs(condition: tuple[str, Oracle], root: dict[str, Any]) -> None:
    text, holds = condition
    text = f"({text}) or job = nobodys"

    def with_ids(group: dict[str, Any]) -> dict[str, Any]:
        group["jobs"] = [job["id"] for job in group["inlineJobs"]]
        for inner in group.get("groups", {}).get("nestedGroups", ()):
            with_ids(inner)
        return group

    def left_of(group: dict[str, Any]) -> dict[str, Any] | None:
        """None without a job in it, at any depth."""
        left = [job for job in group.get("inlineJobs", []) if holds(job_facts(job))]
        shown = {name: text for name, text in group.items() if name not in ("jobs", "inlineJobs")}
        inner = [left_of(each) for each in shown.get("groups", {}).get("nestedGroups", [])]
        groups = [each for each in inner if each is not None]
        if "groups" in shown:
            shown["groups"] = {"nestedGroups": groups} if groups else {}
        if left:
            shown |= {"inlineJobs": left, "jobs": [job["id"] for job in left]}
        return shown if left or groups else None

    message = parsed("show.ShowGetJobWhiteboardResponse", {"whiteboard": with_ids(root)})
    wanted = left_of(json_format.MessageToDict(message)["whiteboard"])
    if wanted is None:
        with pytest.raises(Hidden):
            seen("/show.ShowInterface/GetJobWhiteboard", text, message)
    else:
        assert seen("/show.ShowInterface/GetJobWhiteboard", text, message)["whiteboard"] == wanted


def test_patterns_that_are_too_much_work_show_nothing() -> None:
    costly = " or ".join(f"job ~ '{each}[a-y]{{1,900}}z'" for each in "abcdefgh")
    content = {"jobs": {"jobs": [{"name": "q" * 500}, {"name": "az"}]}}
    shown = seen("/job.JobInterface/GetJobs", costly, parsed("job.JobGetJobsResponse", content))
    assert shown["jobs"] == {}


def test_what_a_container_does_not_list_is_not_shown() -> None:
    """Totals of a group count the jobs of others."""
    group = {"name": "comp", "stats": {"pendingJobs": 7}, "inlineJobs": [{"show": "demo"}]}
    message = parsed("show.ShowGetJobWhiteboardResponse", {"whiteboard": group})
    shown = seen("/show.ShowInterface/GetJobWhiteboard", "show in $shows", message)
    assert shown["whiteboard"] == {"name": "comp", "inlineJobs": [{"show": "demo"}]}


@pytest.mark.parametrize(
    ("shows", "is_shown"),
    [(["demo"], True), (["secret"], False), ([""], False), (["demo", "secret"], False)],
)
def test_one_object(shows: list[str], is_shown: bool) -> None:
    """Parts of one message are merged by protobuf, and so by whoever reads the answer."""
    path, answer = "/job.JobInterface/FindJob", message_class("job.JobFindJobResponse")
    parts = [answer(job={"name": "a", "show": show}).SerializeToString() for show in shows]
    if is_shown:
        found = seen(path, "show in $shows", answer(), b"".join(parts))
        assert (found["job"]["name"], found["job"]["show"]) == ("a", "demo")
    else:
        with pytest.raises(Hidden):
            seen(path, "show in $shows", answer(), b"".join(parts))


def test_what_stands_beside_rows_is_not_shown() -> None:
    """Totals count what may not be seen."""
    content = {"jobs": [{"name": "a", "show": "demo"}], "pagination": {"totalRecords": 7}}
    message = parsed("monitoring.GetJobHistoryResponse", content)
    shown = seen("/monitoring.MonitoringInterface/GetJobHistory", "show in $shows", message)
    assert shown == {"jobs": content["jobs"]}


@pytest.mark.parametrize(
    ("condition", "asked", "sent"),
    [
        ("show in $shows", {}, {"shows": ["demo", "harbor"]}),
        ("show in $shows", {"shows": ["harbor", "secret"]}, {"shows": ["harbor"]}),
        ("show in $shows", {"shows": ["secret"]}, {"shows": [NOTHINGS_NAME]}),
        ("show in $none", {}, {"shows": [NOTHINGS_NAME]}),
        ("show in $missing", {}, {}),
        ("show in $shows and user = $sub", {}, {"shows": ["demo", "harbor"], "users": ["lena"]}),
        ("show in $shows or user = $sub", {}, {}),
        ("not show in $shows", {}, {}),
        ("show != secret", {}, {}),
        ("show : de", {}, {}),
        ("job = 'demo-1'", {"jobs": ["x"]}, {"jobs": ["x"]}),
    ],
)
def test_criteria_are_narrowed(
    condition: str, asked: dict[str, object], sent: dict[str, object]
) -> None:
    method = CATALOG.routes["/job.JobInterface/GetJobs"]
    sight = Sight(read_condition(condition), CLAIMS)
    request = parsed("job.JobGetJobsRequest", {"r": asked})
    confined = type(request).FromString(sight.confined(method, request.SerializeToString()))
    assert json_format.MessageToDict(confined)["r"] == sent
