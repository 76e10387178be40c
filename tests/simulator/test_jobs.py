"""job.JobInterface, and comments."""

from typing import Any

import pytest

from cuebot_simulator.world.messages import enum_name
from cuebot_simulator.world.new_entities import add_comment
from tests.simulator.in_process import COMP, LIGHT, ROTO, SMOKE, UNCAUGHT, Cuebot
from tests.simulator.specs import job_xml, layer_xml, spec_xml


def ask(cuebot: Cuebot, method: str, job: str, /, **values: Any) -> Any:
    """What a method of JobInterface answers about a job by name."""
    return cuebot(f"JobInterface/{method}", job=cuebot.job(job), **values)


def order_of(cuebot: Cuebot) -> list[int]:
    """The numbers of the frames of ROTO's layer, as they would start."""
    layer = {"id": cuebot.layer(ROTO, "roto").id}
    found = cuebot("LayerInterface/GetFrames", layer=layer, s={"limit": 100})
    return [frame.number for frame in found.frames.frames]


def test_eating_failures_by_itself_means_no_retries(cuebot: Cuebot) -> None:
    job = cuebot.job(COMP)
    ask(cuebot, "SetAutoEat", COMP, value=True)
    assert cuebot.job(COMP).auto_eat
    assert cuebot.farm.max_retries[job.id] == 0
    frame = cuebot.frames(COMP, "RUNNING")[0]
    ask(cuebot, "KillFrames", COMP, req={"ids": [frame.id]})
    cuebot.wait()
    assert frame.id in [each.id for each in cuebot.frames(COMP, "EATEN")]
    ask(cuebot, "SetAutoEat", COMP, value=False)
    assert cuebot.farm.max_retries[job.id] == 1


def test_only_a_completed_job_is_shut_down(cuebot: Cuebot) -> None:
    empty = spec_xml(job_xml(layer_xml(span="1-10y1")))
    (job,) = cuebot("JobInterface/LaunchSpecAndWait", spec=empty).jobs.jobs
    for name in (COMP, job.name):
        ask(cuebot, "ShutdownIfCompleted", name)
        assert enum_name(cuebot.job(name), "state") == "PENDING"
    cuebot.wait()
    assert enum_name(cuebot.job(COMP), "state") == "PENDING"
    assert enum_name(cuebot.job(job.name), "state") == "FINISHED"


def test_chosen_frames_are_killed_whatever_states_are_named(cuebot: Cuebot) -> None:
    frame, *others = cuebot.frames(COMP, "RUNNING")
    wanted = {"ids": [frame.id], "states": {"frame_states": ["DEAD"]}}
    ask(cuebot, "KillFrames", COMP, req=wanted)
    assert len(cuebot.frames(COMP, "RUNNING")) == 3
    cuebot.wait()
    assert [each.id for each in cuebot.frames(COMP, "RUNNING")] == [each.id for each in others]


def test_nobody_hears_of_wrong_criteria_in_the_queue(cuebot: Cuebot) -> None:
    ask(cuebot, "EatFrames", COMP, req={"frame_range": "one"})
    cuebot.wait()
    assert not cuebot.frames(COMP, "EATEN")


def test_what_depends_on_frames_that_are_marked_done_may_start(cuebot: Cuebot) -> None:
    before = len(cuebot.frames(SMOKE, "DEPEND"))
    ask(cuebot, "MarkDoneFrames", SMOKE, req={"layers": ["sim"], "frame_range": "1001-1003"})
    assert len(cuebot.frames(SMOKE, "DEPEND")) == before == 12
    cuebot.wait()
    assert [frame.number for frame in cuebot.frames(SMOKE, "DEPEND")] == list(range(1004, 1013))
    assert len(cuebot.frames(SMOKE, "SUCCEEDED")) == 0


@pytest.mark.parametrize(
    ("method", "values", "first"),
    [
        ("Reorder", {"range": "1010-1009,1005,7", "order": "FIRST"}, [1010, 1009, 1005, 1001]),
        ("Reorder", {"range": "1010,1001", "order": "LAST"}, [1002, 1003, 1004, 1005]),
        ("Reorder", {"range": "1002-1005", "order": "REVERSE"}, [1001, 1005, 1004, 1003]),
        ("Stagger", {"range": "1001-1006", "stagger": 3}, [1001, 1004, 1002, 1003]),
        ("Stagger", {"range": "x", "stagger": 2}, [1001, 1002, 1003, 1004]),
        ("Stagger", {"range": "1-6", "stagger": 2}, [1001, 1002, 1003, 1004]),
    ],
)
def test_frames_are_put_in_another_order(
    cuebot: Cuebot, method: str, values: dict[str, Any], first: list[int]
) -> None:
    before = order_of(cuebot)
    ask(cuebot, f"{method}Frames", ROTO, **values)
    assert order_of(cuebot) == before
    cuebot.wait()
    assert order_of(cuebot)[:4] == first
    assert sorted(order_of(cuebot)) == before


def updates(cuebot: Cuebot, job: str, since: int, **values: Any) -> Any:
    return ask(cuebot, "GetUpdatedFrames", job, last_check=since, **values)


def test_frames_that_changed_since_the_last_check_are_updates(cuebot: Cuebot) -> None:
    cuebot.clock.advance(1)
    ask(cuebot, "Pause", LIGHT)
    since = cuebot.farm.now
    cuebot.clock.advance(1)
    frame = cuebot.frames(LIGHT, "DEAD")[0]
    ask(cuebot, "EatFrames", LIGHT, req={"ids": [frame.id]})
    cuebot.wait()
    answer = updates(cuebot, LIGHT, since)
    assert (enum_name(answer, "state"), answer.server_time) == ("PENDING", cuebot.farm.now - 1)
    (update,) = answer.updated_frames.updated_frames
    assert (update.id, enum_name(update, "state")) == (frame.id, "EATEN")
    assert (update.exit_status, update.retry_count) == (frame.exit_status, frame.retry_count)
    assert update.last_resource == frame.last_resource
    assert not updates(cuebot, LIGHT, cuebot.farm.now).updated_frames.updated_frames


def test_updates_are_of_chosen_layers_and_a_hundred_at_most(cuebot: Cuebot) -> None:
    spec = spec_xml(job_xml(layer_xml(span="1-150"), layer_xml("two")))
    (job,) = cuebot("JobInterface/LaunchSpecAndWait", spec=spec).jobs.jobs
    since, layer = cuebot.farm.now - 1, {"id": cuebot.layer(job.name, "two").id}
    assert len(updates(cuebot, job.name, since).updated_frames.updated_frames) == 100
    answer = updates(cuebot, job.name, since, layer_filter={"layers": [layer]})
    assert len(answer.updated_frames.updated_frames) == 10


def job_comments(cuebot: Cuebot) -> list[Any]:
    job = cuebot.job(LIGHT)
    return list(cuebot("JobInterface/GetComments", job=job).comments.comments)


def host_comments(cuebot: Cuebot) -> list[Any]:
    host = cuebot.host("render-node-06")
    return list(cuebot("HostInterface/GetComments", host=host).comments.comments)


@pytest.mark.parametrize("about", ["job", "host"])
def test_without_its_last_comment_a_thing_has_none(cuebot: Cuebot, about: str) -> None:
    comments = job_comments if about == "job" else host_comments
    [first] = comments(cuebot)
    thing = (cuebot.farm.jobs.get(cuebot.farm.parent_of[first.id])) or cuebot.farm.hosts[
        cuebot.farm.parent_of[first.id]
    ]
    assert thing.has_comment
    second = add_comment(cuebot.farm, thing, user="u", subject="s", text="t")
    cuebot("CommentInterface/Delete", comment=first)
    assert [each.id for each in comments(cuebot)] == [second.id]
    assert thing.has_comment
    cuebot("CommentInterface/Delete", comment=second)
    assert comments(cuebot) == []
    assert not thing.has_comment
    refusal = cuebot.refusal("CommentInterface/Delete", comment=second)
    assert refusal == ("INTERNAL", UNCAUGHT)
