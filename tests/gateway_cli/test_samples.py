"""Requests made from objects in earlier answers, by the schema alone."""

from functools import cache
from typing import Any

import pytest

from gateway.codec.fields import returned_types
from gateway.compat.build import build_catalog
from gateway.schema.catalog import Catalog
from gateway.schema.method import Method
from gateway.schema.selection import Selection
from gateway_cli.compare.samples import Sample, Samples
from tests.support.opencue import opencue


@cache
def catalog() -> Catalog:
    return build_catalog(opencue(), Selection())


def method(path: str) -> Method:
    return next(each for each in catalog().methods if each.path == f"/{path}")


def samples(most: int = 2) -> Samples:
    return Samples(returned_types(each.descriptor for each in catalog().methods), most)


def harvest(found: Samples, path: str, answer: object, *about: Sample) -> None:
    found.harvest(method(path).descriptor.output_type, answer, about)


def bodies(found: Samples, path: str) -> list[Any]:
    questions, _ = found.questions(method(path).descriptor)
    return [body for body, _ in questions]


JOBS = {"jobs": {"jobs": [{"id": "j1", "name": "a"}, {"id": "j2", "name": "b"}, {"id": "j3"}]}}


def test_what_needs_nothing_is_asked_once() -> None:
    """A method whose request names no object gets one request."""
    assert bodies(samples(), "show.ShowInterface/GetShows") == [{}]


def test_numbers_that_bring_rows() -> None:
    """Limits are set, also inside criteria; without one, no frames are returned."""
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
    """Objects are found by type; strings by the method's answer, its interface or their name."""
    found = samples(1)
    harvest(found, "job.JobInterface/GetJobs", JOBS)
    found_bodies = [
        {key: value for key, value in body.items() if not key.startswith("page")}
        for body in bodies(found, path)
    ]
    assert found_bodies == expected


def test_as_many_as_wanted() -> None:
    """A few objects of each type are kept, each once, wherever they are from."""
    found = samples(2)
    harvest(found, "job.JobInterface/GetJobs", JOBS)
    harvest(found, "job.JobInterface/GetJobs", JOBS)
    assert bodies(found, "job.JobInterface/GetJob") == [{"id": "j1"}, {"id": "j2"}]


def test_what_belongs_together_is_asked_together() -> None:
    """A layer is requested together with the job it was found in."""
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
    """If no such object was seen, a string field named like it has its name."""
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
    """A method whose objects were not found is not asked, and the reason names them."""
    questions, why = samples().questions(method(path).descriptor)
    assert (questions, why) == ([], reason)


@pytest.mark.parametrize(
    "answer",
    [None, [], "x", {"jobs": None}, {"jobs": []}, {"jobs": {"jobs": [None, 1, {"id": 5}]}}],
)
def test_answers_of_another_shape(answer: object) -> None:
    """An answer that contradicts the schema is ignored."""
    found = samples()
    harvest(found, "job.JobInterface/GetJobs", answer)
    assert bodies(found, "job.JobInterface/GetJob") == []
