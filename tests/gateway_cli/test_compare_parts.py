"""The parts of `compare`: differences between two answers, and requests from earlier answers."""

from typing import Any

import orjson
import pytest

from gateway.core.codec.fields import returned_types
from gateway.core.schema.method import Method
from gateway_cli.compare.comparison import is_within
from gateway_cli.compare.differences import ITEMS_COMPARED, Difference, Reply, compare, differences
from gateway_cli.compare.samples import Sample, Samples
from tests.support.opencue import catalog
from tests.support.protos import trial

SCALARS = "trial.Scalars"


def found(name: str, here: Any, there: Any) -> list[tuple[str, str]]:
    """Kind and place of each difference between two JSON objects of this type."""
    compared = differences(trial().message_type(name), here, there, {})
    return [(each.kind, each.path) for each in compared]


@pytest.mark.parametrize(
    ("field", "here", "there", "kind"),
    [
        ("anInt64", "5", 5, "integer-form"),
        ("anInt64", "5", "+5", "integer-form"),
        ("anInt32", 5, "5", "integer-form"),
        ("anInt32", 5, 5.0, "integer-form"),
        ("anInt64", "5", 6, "type"),
        ("anInt64", "9007199254740993", "9007199254740992", "value"),
        ("aFloat", 0.1, 0.10000000149011612, "float-form"),
        ("aFloat", 4, 4.0, "float-form"),
        ("aFloat", 0.1, 0.2, "value"),
        ("aDouble", 0.1, 0.10000000149011612, "value"),
        ("aDouble", "NaN", "Infinity", "value"),
        ("aDouble", "1.5", 1.5, "float-form"),
        ("aBytes", "_-8=", "/+8", "base64-form"),
        ("aBytes", "AAAA", "AAAB", "value"),
        ("aBytes", "a", "b", "value"),
        ("colour", "RED", 1, "enum-form"),
        ("colour", "CRIMSON", "RED", "enum-form"),
        ("colour", "RED", "BLUE", "value"),
        ("colour", "NEW", "NEWER", "value"),
        ("aBool", True, 1, "type"),
        ("aString", "a", "b", "value"),
        ("aString", "5", 5, "type"),
        ("aString", "a", None, "value"),
        ("aString", "", None, "null"),
    ],
)
def test_scalars(field: str, here: object, there: object, kind: str) -> None:
    assert found(SCALARS, {field: here}, {field: there}) == [(kind, field)]
    assert found(SCALARS, {field: there}, {field: here}) == [(kind, field)]


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("anInt64", "0", "default"),
        ("aString", "", "default"),
        ("aString", "0", "only-here"),
        ("aBool", False, "default"),
        ("colour", "COLOUR_UNKNOWN", "default"),
        ("colour", 0, "default"),
        ("colour", "RED", "only-here"),
        ("aDouble", 0, "default"),
        ("aString", None, "null"),
        ("aString", "x", "only-here"),
    ],
)
def test_what_only_one_has(field: str, value: object, kind: str) -> None:
    assert found(SCALARS, {field: value}, {}) == [(kind, field)]
    mirrored = "only-there" if kind == "only-here" else kind
    assert found(SCALARS, {}, {field: value}) == [(mirrored, field)]


def test_names_of_the_proto() -> None:
    assert found(SCALARS, {"aString": "a"}, {"a_string": "a"}) == [("name", "aString")]
    assert found(SCALARS, {"aString": "a"}, {"a_string": "b"}) == [
        ("name", "aString"),
        ("value", "aString"),
    ]


def test_the_order_of_keys_is_no_difference() -> None:
    assert found(SCALARS, {"aString": "a", "x": 1}, {"x": 1, "aString": "a"}) == []
    assert found(SCALARS, {"x": {"a": 1, "b": 2}}, {"x": {"b": 2, "a": 1}}) == []


def test_unknown_keys() -> None:
    assert found(SCALARS, {"x": 1}, {"x": 1}) == []
    assert found(SCALARS, {"x": 1}, {"x": 2}) == [("value", "x")]
    assert found(SCALARS, {"x": 1}, {}) == [("only-here", "x")]
    assert found(SCALARS, {}, {"x": 1}) == [("only-there", "x")]


def test_only_the_names_of_the_reference_are_expected() -> None:
    documented = {"host.Host": {"totalCores": "cores"}}
    host = opencue_type("host.Host")
    (mine,) = differences(host, {"totalCores": 4}, {}, documented)
    assert (mine.kind, mine.expected) == ("documented", True)
    (other,) = differences(host, {}, {"totalCores": 4}, documented)
    assert (other.kind, other.expected) == ("only-there", False)
    (another,) = differences(host, {"totalGpus": 4}, {}, documented)
    assert (another.kind, another.expected) == ("only-here", False)


def opencue_type(name: str) -> Any:
    return catalog().methods[0].encoders.pool.FindMessageTypeByName(name)


def test_maps_and_messages() -> None:
    maps = [{"byInt64": {"1": "5", "2": "6"}}, {"byInt64": {"2": 6, "3": "7"}}]
    assert found("trial.Maps", *maps) == [
        ("only-here", "byInt64.1"),
        ("integer-form", "byInt64.2"),
        ("only-there", "byInt64.3"),
    ]
    rows = [{"messages": [{"anInt64": "1"}]}, {"messages": [{"anInt64": 1}]}]
    assert found("trial.Repeated", *rows) == [("integer-form", "messages[0].anInt64")]
    assert found("trial.Repeated", {"int32s": [1, 2]}, {"int32s": [2, 1]}) == [("order", "int32s")]
    assert found("google.protobuf.Timestamp", "2026-01-01T00:00:00Z", "x") == [("value", "")]


def test_long_lists() -> None:
    show = opencue_type("show.ShowSeq")
    rows = [{"name": str(number)} for number in range(ITEMS_COMPARED + 1)]
    late = [*rows[:-1], {"name": "other"}]
    early = [{"name": "other"}, *rows[1:]]
    assert list(differences(show, {"shows": rows}, {"shows": late}, {})) == []
    assert [each.path for each in differences(show, {"shows": rows}, {"shows": early}, {})] == [
        "shows[0].name"
    ]
    (length,) = differences(show, {"shows": rows}, {"shows": rows[1:]}, {})
    assert (length.kind, length.here, length.there) == (
        "length",
        ITEMS_COMPARED + 1,
        ITEMS_COMPARED,
    )


def test_what_is_within() -> None:
    for path, place in (("a.b[2].c", "a.b"), ("a.b[2].c", "a.b[2]"), ("a.b", ""), ("a.b", "a.b")):
        assert is_within(path, {place})
    for path, place in (("a.b[20]", "a.b[2]"), ("a.bc", "a.b"), ("a", "a.b")):
        assert not is_within(path, {place})


GET_JOB = catalog().routes["/job.JobInterface/GetJob"]
OWN = {"error": "NOT_FOUND", "code": 5, "message": "gone"}
GO = {"code": 5, "message": "gone", "details": []}


def reply(status: int | None, shape: object = None) -> Reply:
    return Reply(status, orjson.dumps(shape))


@pytest.mark.parametrize(
    ("here", "there", "expected"),
    [
        ((404, OWN), (404, OWN), []),
        ((404, OWN), (404, GO), [("error-shape", True)]),
        ((404, OWN), (404, GO | {"x": 1}), [("error-shape", False)]),
        ((404, OWN), (404, GO | {"message": "no"}), [("message", False), ("error-shape", True)]),
        ((404, OWN), (404, GO | {"code": 2}), [("code", False), ("error-shape", True)]),
        ((404, OWN), (404, GO | {"details": [1]}), [("error-shape", True), ("details", False)]),
        ((200, {}), (404, GO), [("status", False)]),
        ((200, {}), (404, GO | {"message": "Not Found"}), [("unserved", True)]),
        ((404, OWN | {"message": "Not Found"}), (200, {}), [("status", False)]),
        ((200, {}), (None, None), [("no-answer", False)]),
        ((200, {}), (200, []), [("not-json", False)]),
    ],
)
def test_replies(
    here: tuple[int | None, object],
    there: tuple[int | None, object],
    expected: list[tuple[str, bool]],
) -> None:
    found = compare(GET_JOB, reply(*here), reply(*there), {})
    assert [(each.kind, each.expected) for each in found] == expected


def test_the_same_text_that_is_no_json_is_the_same() -> None:
    page = Reply(502, b"<html>")
    assert list(compare(GET_JOB, page, page, {})) == []
    (found,) = compare(GET_JOB, page, Reply(502, b"<html >"), {})
    assert found == Difference("not-json", "", "<html>", "<html >")


def method(path: str) -> Method:
    return catalog().routes[f"/{path}"]


def samples(most: int = 2) -> Samples:
    return Samples(returned_types(each.descriptor for each in catalog().methods), most)


def harvest(found: Samples, path: str, answer: object, *about: Sample) -> None:
    found.harvest(method(path).descriptor.output_type, answer, about)


def bodies(found: Samples, path: str) -> list[Any]:
    questions, _ = found.questions(method(path).descriptor)
    return [body for body, _ in questions]


JOBS = {"jobs": {"jobs": [{"id": "j1", "name": "a"}, {"id": "j2", "name": "b"}, {"id": "j3"}]}}


def test_what_needs_nothing_is_asked_once() -> None:
    assert bodies(samples(), "show.ShowInterface/GetShows") == [{}]


def test_numbers_that_bring_rows() -> None:
    found = samples()
    harvest(found, "job.JobInterface/GetJobs", JOBS)
    (first, _) = bodies(found, "job.JobInterface/GetFrames")
    assert first["job"] == {"id": "j1", "name": "a"}
    assert first["req"]["limit"] > 0
    assert first["req"]["page"] == 1


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("job.JobInterface/GetLayers", [{"job": {"id": "j1", "name": "a"}}]),
        ("job.JobInterface/GetJob", [{"id": "j1"}]),
        ("job.JobInterface/FindJob", [{"name": "a"}]),
        ("job.JobInterface/IsJobPending", [{"name": "a"}]),
        ("monitoring.MonitoringInterface/GetLayerHistory", [{"jobId": "j1", "jobName": "a"}]),
    ],
)
def test_a_field_gets_what_it_is_called_for(path: str, expected: list[Any]) -> None:
    found = samples(1)
    harvest(found, "job.JobInterface/GetJobs", JOBS)
    found_bodies = [
        {key: value for key, value in body.items() if not key.startswith("page")}
        for body in bodies(found, path)
    ]
    assert found_bodies == expected


def test_as_many_as_wanted() -> None:
    found = samples(2)
    harvest(found, "job.JobInterface/GetJobs", JOBS)
    harvest(found, "job.JobInterface/GetJobs", JOBS)
    assert bodies(found, "job.JobInterface/GetJob") == [{"id": "j1"}, {"id": "j2"}]


def test_what_belongs_together_is_asked_together() -> None:
    found = samples()
    harvest(found, "job.JobInterface/GetJobs", JOBS)
    second = Sample(type="job.Job", keys={"id": "j2", "name": "b"})
    layers = {"layers": {"layers": [{"id": "l1", "name": "comp"}]}}
    harvest(found, "job.JobInterface/GetLayers", layers, second)
    assert bodies(found, "job.LayerInterface/FindLayer") == [{"job": "b", "layer": "comp"}]
    assert bodies(found, "job.LayerInterface/GetOutputPaths") == [
        {"layer": {"id": "l1", "name": "comp"}}
    ]


def test_a_name_in_a_text() -> None:
    found = samples()
    rows = [{"id": "a1", "name": "local.general", "facility": "local"}]
    harvest(found, "facility.AllocationInterface/GetAll", {"allocations": {"allocations": rows}})
    assert bodies(found, "facility.FacilityInterface/Get") == [{"name": "local"}]
    assert bodies(found, "facility.FacilityInterface/GetAllocations") == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("job.JobInterface/GetJob", "no answer contained the id of a job.Job"),
        ("job.JobInterface/GetLayers", "no answer contained a job.Job"),
        ("limit.LimitInterface/GetHolds", "no answer contained the name of a limit"),
    ],
)
def test_no_sample_to_ask_with(path: str, reason: str) -> None:
    questions, why = samples().questions(method(path).descriptor)
    assert (questions, why) == ([], reason)


@pytest.mark.parametrize(
    "answer",
    [None, [], "x", {"jobs": None}, {"jobs": []}, {"jobs": {"jobs": [None, 1, {"id": 5}]}}],
)
def test_answers_of_another_shape(answer: object) -> None:
    found = samples()
    harvest(found, "job.JobInterface/GetJobs", answer)
    assert bodies(found, "job.JobInterface/GetJob") == []
