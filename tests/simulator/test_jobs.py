"""job.JobInterface."""

from typing import Any

import pytest

from cuebot_simulator.services import jobs
from cuebot_simulator.world.messages import enum_name, fill
from tests.simulator.desk import NOTHING_FOUND, Desk
from tests.simulator.specs import job_xml, layer_xml, spec_xml

COMP = "demo-sh010-lena_comp_v003"
LIGHT = "demo-sh010-artist1_light_v012"
FINISHED = "demo-sh020-priya_comp_v007"
SMOKE = "demo-sh020-marco_smoke_v001"
ROTO = "northwind-ep02_031-artist1_roto_v001"


def ask(desk: Desk, method: str, job: str, /, **values: Any) -> Any:
    """What a method of JobInterface answers about a job by name."""
    return desk(f"JobInterface/{method}", job={"id": desk.job(job).id}, **values)


def order_of(desk: Desk) -> list[int]:
    """The numbers of the frames of ROTO's layer, as they would start."""
    layer = {"id": desk.layer(ROTO, "roto").id}
    found = desk("LayerInterface/GetFrames", layer=layer, s={"limit": 100})
    return [frame.number for frame in found.frames.frames]


def group_id(desk: Desk, show: str, name: str) -> str:
    return str(desk("GroupInterface/FindGroup", show=show, name=name).group.id)


# Finding.


def test_every_method_is_simulated(desk: Desk) -> None:
    """JobInterface has no method that ManageJob leaves out."""
    service = desk.farm.messages.pool.FindServiceByName("job.JobInterface")
    assert {method.name for method in service.methods} <= set(jobs.METHODS)


def test_a_pending_job_is_found_by_name_in_any_case(desk: Desk) -> None:
    """WhiteboardDaoJdbc.findJob lowers what it is asked for."""
    assert desk("JobInterface/FindJob", name=COMP.upper()).job.name == COMP
    assert desk.refusal("JobInterface/FindJob", name=FINISHED) == ("NOT_FOUND", NOTHING_FOUND)


def test_any_job_is_read_by_id(desk: Desk) -> None:
    """ManageJob.getJob and getCurrent, finished or not."""
    job = desk.job(FINISHED)
    assert desk("JobInterface/GetJob", id=job.id).job == job
    assert desk("JobInterface/GetCurrent", job={"id": job.id, "name": "x"}).job == job


def test_only_the_exact_name_is_pending(desk: Desk) -> None:
    """JobDaoJdbc.exists heeds the case, unlike findJob."""
    assert desk("JobInterface/IsJobPending", name=COMP).value
    assert not desk("JobInterface/IsJobPending", name=COMP.upper()).value
    assert not desk("JobInterface/IsJobPending", name=FINISHED).value


def test_layers_come_in_dispatch_order(desk: Desk) -> None:
    """WhiteboardDaoJdbc.getLayers."""
    layers = ask(desk, "GetLayers", LIGHT).layers.layers
    assert [layer.name for layer in layers] == ["shadow", "beauty"]


@pytest.mark.parametrize(
    ("method", "values"),
    [
        ("GetJob", {"id": "nope"}),
        ("Pause", {"job": {"id": "nope"}}),
        ("SetPriority", {"job": {"id": "nope"}, "val": 3}),
        ("KillFrames", {"job": {"id": "nope"}}),
        ("ReorderFrames", {"job": {"id": "nope"}, "range": "1"}),
        ("AddComment", {"job": {"id": "nope"}}),
        ("GetUpdatedFrames", {"job": {"id": "nope"}}),
    ],
)
def test_a_job_that_is_not_there_is_not_found(
    desk: Desk, method: str, values: dict[str, Any]
) -> None:
    """ManageJob catches Spring's exception in every method."""
    assert desk.refusal(f"JobInterface/{method}", **values) == ("NOT_FOUND", NOTHING_FOUND)


# Setting.


def test_a_job_is_paused_and_resumed(desk: Desk) -> None:
    """ManageJob.pause and resume are done at once."""
    ask(desk, "Pause", COMP)
    assert desk.job(COMP).is_paused
    ask(desk, "Resume", COMP)
    assert not desk.job(COMP).is_paused


@pytest.mark.parametrize(
    ("method", "value", "field", "shown"),
    [
        ("SetPriority", 7, "priority", 7),
        ("SetMinCores", 2.9, "min_cores", 2),
        ("SetMaxCores", 12.999, "max_cores", 13),
        ("SetMaxCores", -1, "max_cores", -1),
        ("SetMinGpus", 1, "min_gpus", 1),
        ("SetMaxGpus", 4, "max_gpus", 4),
    ],
)
def test_numbers_of_a_job_are_set(
    desk: Desk, method: str, value: float, field: str, shown: float
) -> None:
    """ManageJob cuts cores to whole ones, and leaves other numbers as they are."""
    ask(desk, method, COMP, val=value)
    assert getattr(desk.job(COMP), field) == shown


def test_eating_failures_by_itself_means_no_retries(desk: Desk) -> None:
    """JobDaoJdbc.updateAutoEat sets the retries to none, and back to one."""
    job = desk.job(COMP)
    ask(desk, "SetAutoEat", COMP, value=True)
    assert desk.job(COMP).auto_eat
    assert desk.farm.max_retries[job.id] == 0
    frame = desk.frames(COMP, "RUNNING")[0]
    ask(desk, "KillFrames", COMP, req={"ids": [frame.id]})
    desk.wait()
    assert frame.id in [each.id for each in desk.frames(COMP, "EATEN")]
    ask(desk, "SetAutoEat", COMP, value=False)
    assert desk.farm.max_retries[job.id] == 1


def test_retries_decide_when_a_frame_is_dead(desk: Desk) -> None:
    """JobDaoJdbc.updateMaxFrameRetries takes 0 to 16."""
    job = {"id": desk.job(COMP).id}
    ask(desk, "SetMaxRetries", COMP, max_retries=0)
    frame = desk.frames(COMP, "RUNNING")[0]
    ask(desk, "KillFrames", COMP, req={"ids": [frame.id]})
    desk.wait()
    assert [each.id for each in desk.frames(COMP, "DEAD")] == [frame.id]
    for retries, text in ((-1, "greater than 0"), (17, "less than 16")):
        text = f"max retries must be {text}"
        assert desk.refusal("JobInterface/SetMaxRetries", job=job, max_retries=retries) == (
            "INTERNAL",
            f"java.lang.IllegalArgumentException: {text}\n{text}",
        )
    ask(desk, "SetMaxRetries", COMP, max_retries=16)
    assert desk.farm.max_retries[job["id"]] == 16


def test_a_job_moves_to_a_group_and_takes_its_defaults(desk: Desk) -> None:
    """JobDaoJdbc.updateParent: what a group has no default for stays."""
    group = group_id(desk, "demo", "light")
    desk("GroupInterface/SetDefaultJobPriority", group={"id": group}, priority=0)
    fill(desk.farm.groups[group], default_job_min_cores=3)
    ask(desk, "SetGroup", COMP, group_id=group)
    job = desk.job(COMP)
    assert (job.group, job.priority, job.min_cores, job.max_cores) == ("light", 0, 3, 100)
    listed = desk("GroupInterface/GetJobs", group={"id": group}).jobs.jobs
    assert COMP in [each.name for each in listed]


def test_a_job_stays_in_its_show(desk: Desk) -> None:
    """JobDaoJdbc.updateParent refuses a group of another show; one that is not there is missing."""
    job, text = {"id": desk.job(COMP).id}, "error moving job, cannot move jobs between shows"
    other = group_id(desk, "harbor", "comp")
    assert desk.refusal("JobInterface/SetGroup", job=job, group_id=other) == (
        "INTERNAL",
        f"com.imageworks.spcue.EntityModificationError: {text}\n{text}",
    )
    assert desk.refusal("JobInterface/SetGroup", job=job, group_id="nope") == (
        "NOT_FOUND",
        NOTHING_FOUND,
    )


def test_a_comment_is_added(desk: Desk) -> None:
    """ManageJob.addComment gives it the present time; getComments has the oldest first."""
    assert not desk.job(COMP).has_comment
    for subject in ("one", "two"):
        new = {"user": "lena", "subject": subject, "message": "text", "timestamp": 5}
        ask(desk, "AddComment", COMP, new_comment=new)
        desk.wait()
    comments = ask(desk, "GetComments", COMP).comments.comments
    assert [comment.subject for comment in comments] == ["one", "two"]
    assert (comments[0].user, comments[0].message) == ("lena", "text")
    assert comments[0].timestamp == desk.farm.now - 2
    assert desk.job(COMP).has_comment


def test_a_subscriber_is_added_once(desk: Desk) -> None:
    """ManageJob.addSubscriber keeps a set of addresses, beginning with the spec's."""
    desk("JobInterface/LaunchSpecAndWait", spec=spec_xml())
    name = "demo-sh030-lena_comp_v004"
    for address in ("bo@studio.example", "bo@studio.example", "lena@studio.example"):
        ask(desk, "AddSubscriber", name, subscriber=address)
    assert desk.farm.subscribers[desk.job(name).id] == ["lena@studio.example", "bo@studio.example"]


def test_a_render_partition_is_for_the_whole_job(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ManageJob.addRenderPartition answers the partition that was booked."""

    def add(farm: Any, part: Any, request: Any) -> Any:
        return farm.messages.new(
            "renderPartition.RenderPartition", job=part.name, host=request.host
        )

    monkeypatch.setattr(jobs, "add_partition", add)
    partition = ask(desk, "AddRenderPartition", COMP, host="desk-201").render_partition
    assert (partition.job, partition.host) == (COMP, "desk-201")


def test_filters_are_run_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """ManageJob.runFilters runs the show's filters on the job before it answers."""
    monkeypatch.setattr(jobs, "run_filters", lambda farm, job: fill(job, priority=99))
    ask(desk, "RunFilters", COMP)
    assert desk.job(COMP).priority == 99


# Ending.


def test_a_job_is_killed_a_moment_later(desk: Desk) -> None:
    """ManageJob.kill queues it; what runs is stopped and waits."""
    ask(desk, "Kill", COMP, reason="not needed")
    assert enum_name(desk.job(COMP), "state") == "PENDING"
    desk.wait()
    job = desk.job(COMP)
    assert enum_name(job, "state") == "FINISHED"
    assert (job.job_stats.running_frames, job.stop_time) == (0, desk.farm.now - 1)


def test_without_a_reason_no_job_is_killed(desk: Desk) -> None:
    """JobManagerSupport.shutdownJob only logs such a request, after ManageJob has answered it."""
    ask(desk, "Kill", COMP)
    desk.wait()
    assert enum_name(desk.job(COMP), "state") == "PENDING"


def test_only_a_completed_job_is_shut_down(desk: Desk) -> None:
    """ManageJob.shutdownIfCompleted queues it for a job of which nothing is left to do."""
    empty = spec_xml(job_xml(layer_xml(span="1-10y1")))
    (job,) = desk("JobInterface/LaunchSpecAndWait", spec=empty).jobs.jobs
    for name in (COMP, job.name):
        ask(desk, "ShutdownIfCompleted", name)
        assert enum_name(desk.job(name), "state") == "PENDING"
    desk.wait()
    assert enum_name(desk.job(COMP), "state") == "PENDING"
    assert enum_name(desk.job(job.name), "state") == "FINISHED"


# Frames.


def test_chosen_frames_are_killed_whatever_states_are_named(desk: Desk) -> None:
    """JobManagerSupport.killProcs drops the states from the search."""
    frame, *others = desk.frames(COMP, "RUNNING")
    wanted = {"ids": [frame.id], "states": {"frame_states": ["DEAD"]}}
    ask(desk, "KillFrames", COMP, req=wanted)
    assert len(desk.frames(COMP, "RUNNING")) == 3
    desk.wait()
    assert [each.id for each in desk.frames(COMP, "RUNNING")] == [each.id for each in others]


def test_chosen_frames_are_eaten(desk: Desk) -> None:
    """ManageJob.eatFrames queues it; the limit and page of the search do not count."""
    ask(desk, "EatFrames", LIGHT, req={"states": {"frame_states": ["DEAD"]}, "limit": 1})
    assert not desk.frames(LIGHT, "EATEN")
    desk.wait()
    assert len(desk.frames(LIGHT, "EATEN")) == 2


def test_chosen_frames_are_retried(desk: Desk) -> None:
    """ManageJob.retryFrames queues it, and makes a finished job pending again."""
    ask(desk, "RetryFrames", FINISHED, req={"frame_range": "1001-1002"})
    desk.wait()
    assert [frame.number for frame in desk.frames(FINISHED, "WAITING")] == [1001, 1002]
    assert desk("JobInterface/IsJobPending", name=FINISHED).value


def test_nobody_hears_of_wrong_criteria_in_the_queue(desk: Desk) -> None:
    """The search is made when the order's turn has come, after the answer."""
    ask(desk, "EatFrames", COMP, req={"frame_range": "one"})
    desk.wait()
    assert not desk.frames(COMP, "EATEN")


def test_what_depends_on_frames_that_are_marked_done_may_start(desk: Desk) -> None:
    """JobManagerSupport.satisfyWhatDependsOn, of frames; they stay as they are."""
    before = len(desk.frames(SMOKE, "DEPEND"))
    ask(desk, "MarkDoneFrames", SMOKE, req={"layers": ["sim"], "frame_range": "1001-1003"})
    assert len(desk.frames(SMOKE, "DEPEND")) == before == 12
    desk.wait()
    assert [frame.number for frame in desk.frames(SMOKE, "DEPEND")] == list(range(1004, 1013))
    assert len(desk.frames(SMOKE, "SUCCEEDED")) == 0


def test_frames_that_depend_are_marked_as_waiting_at_once(desk: Desk) -> None:
    """FrameDaoJdbc.markFrameAsWaiting changes the state DEPEND only."""
    ask(desk, "MarkAsWaiting", SMOKE, req={"frame_range": "1001-1002"})
    assert len(desk.frames(SMOKE, "DEPEND")) == 10
    done = desk.frames(LIGHT, "DEAD", "SUCCEEDED", "RUNNING")
    ask(desk, "MarkAsWaiting", LIGHT, req={})
    assert desk.frames(LIGHT, "DEAD", "SUCCEEDED", "RUNNING") == done


def test_frames_are_put_first_or_last(desk: Desk) -> None:
    """FrameDaoJdbc.reorderFramesFirst and reorderFramesLast, in the order of the range."""
    ask(desk, "ReorderFrames", ROTO, range="1010-1009,1005,7", order="FIRST")
    assert order_of(desk)[0] == 1001
    desk.wait()
    assert order_of(desk) == [1010, 1009, 1005, 1001, 1002, 1003, 1004, 1006, 1007, 1008]
    ask(desk, "ReorderFrames", ROTO, range="1010,1001", order="LAST")
    desk.wait()
    assert order_of(desk) == [1009, 1005, 1002, 1003, 1004, 1006, 1007, 1008, 1010, 1001]
    (first, *_) = desk.frames(ROTO)
    assert first.dispatch_order == -3


def test_frames_are_reversed(desk: Desk) -> None:
    """FrameDaoJdbc.reorderLayerReverse: the chosen frames change places."""
    ask(desk, "ReorderFrames", ROTO, range="1002-1005", order="REVERSE")
    desk.wait()
    assert order_of(desk) == [1001, 1005, 1004, 1003, 1002, 1006, 1007, 1008, 1009, 1010]


def test_no_frames_are_reordered_by_what_is_no_range(desk: Desk) -> None:
    """ManageJob.reorderFrames reads the range before it answers."""
    job = {"id": desk.job(ROTO).id}
    code, text = desk.refusal("JobInterface/ReorderFrames", job=job, range="first")
    assert code == "INTERNAL"
    assert text.startswith("java.lang.IllegalArgumentException: unrecognized frame range syntax")


def test_frames_are_staggered(desk: Desk) -> None:
    """FrameDaoJdbc.staggerLayer: every third first, then the halves between."""
    ask(desk, "StaggerFrames", ROTO, range="1001-1006", stagger=3)
    desk.wait()
    assert order_of(desk) == [1001, 1004, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010]


@pytest.mark.parametrize("values", [{"range": "x", "stagger": 2}, {"range": "1-6", "stagger": 2}])
def test_what_cannot_be_staggered_stays(desk: Desk, values: dict[str, Any]) -> None:
    """FrameDaoJdbc.staggerLayer gives up on a range that is none, or not the layer's."""
    before = order_of(desk)
    ask(desk, "StaggerFrames", ROTO, **values)
    desk.wait()
    assert order_of(desk) == before


def test_reordered_frames_start_in_their_new_order(desk: Desk) -> None:
    """Cuebot's dispatcher takes the frames of a layer by dispatch order."""
    ask(desk, "ReorderFrames", ROTO, range="1010", order="FIRST")
    ask(desk, "SetPriority", ROTO, val=500)
    desk.wait(10)
    assert 1010 in [frame.number for frame in desk.frames(ROTO, "RUNNING")]


# Updates.


def updates(desk: Desk, job: str, since: int, **values: Any) -> Any:
    return ask(desk, "GetUpdatedFrames", job, last_check=since, **values)


def test_frames_that_changed_since_the_last_check_are_updates(desk: Desk) -> None:
    """WhiteboardDaoJdbc.getUpdatedFrames: changes later than that, and the time a second ago."""
    desk.clock.advance(1)
    ask(desk, "Pause", LIGHT)
    since = desk.farm.now
    desk.clock.advance(1)
    frame = desk.frames(LIGHT, "DEAD")[0]
    ask(desk, "EatFrames", LIGHT, req={"ids": [frame.id]})
    desk.wait()
    answer = updates(desk, LIGHT, since)
    assert (enum_name(answer, "state"), answer.server_time) == ("PENDING", desk.farm.now - 1)
    (update,) = answer.updated_frames.updated_frames
    assert (update.id, enum_name(update, "state")) == (frame.id, "EATEN")
    assert (update.exit_status, update.retry_count) == (frame.exit_status, frame.retry_count)
    assert update.last_resource == frame.last_resource
    assert not updates(desk, LIGHT, desk.farm.now).updated_frames.updated_frames


def test_what_runs_is_an_update_after_every_report(desk: Desk) -> None:
    """A host's report changes its frames too."""
    since = desk.farm.now
    running = {frame.id for frame in desk.frames(COMP, "RUNNING")}
    desk.wait(6)
    answer = updates(desk, COMP, since)
    assert running <= {frame.id for frame in answer.updated_frames.updated_frames}


def test_updates_are_of_chosen_layers(desk: Desk) -> None:
    """ServantUtil.convertLayerFilterList takes the ids; no layers means all."""
    since = desk.farm.now - 1
    desk("JobInterface/LaunchSpecAndWait", spec=spec_xml(job_xml(layer_xml(), layer_xml("two"))))
    name = "demo-sh030-lena_comp_v004"
    layer = {"id": desk.layer(name, "two").id}
    assert len(updates(desk, name, since).updated_frames.updated_frames) == 20
    answer = updates(desk, name, since, layer_filter={"layers": [layer]})
    assert len(answer.updated_frames.updated_frames) == 10


def test_there_are_a_hundred_updates_at_most(desk: Desk) -> None:
    """WhiteboardDaoJdbc.getUpdatedFrames takes 100."""
    (job,) = desk(
        "JobInterface/LaunchSpecAndWait", spec=spec_xml(job_xml(layer_xml(span="1-150")))
    ).jobs.jobs
    answer = updates(desk, job.name, desk.farm.now - 1)
    assert len(answer.updated_frames.updated_frames) == 100


def test_the_last_check_is_a_minute_ago_at_most(desk: Desk) -> None:
    """ManageJob.getUpdatedFrames catches the exception and then does not answer at all."""
    job = {"id": desk.job(COMP).id}
    since = desk.farm.now - 61
    assert desk.refusal("JobInterface/GetUpdatedFrames", job=job, last_check=since) == (
        "DEADLINE_EXCEEDED",
        "the last update timestamp cannot be over a minute off the current time, difference was:"
        " 61",
    )
    assert updates(desk, COMP, since + 1)


# Dependencies.


def test_a_job_waits_for_a_job(desk: Desk) -> None:
    """ManageJob.createDependencyOnJob, and what both say of it."""
    on = {"id": desk.job(COMP).id}
    depend = ask(desk, "CreateDependencyOnJob", ROTO, on_job=on).depend
    assert (enum_name(depend, "type"), depend.active) == ("JOB_ON_JOB", True)
    assert (depend.depend_er_job, depend.depend_on_job) == (ROTO, COMP)
    assert len(desk.frames(ROTO, "DEPEND")) == 10
    assert list(ask(desk, "GetWhatThisDependsOn", ROTO).depends.depends) == [depend]
    assert depend in ask(desk, "GetWhatDependsOnThis", COMP).depends.depends
    assert list(ask(desk, "GetDepends", ROTO).depends.depends) == [depend]
    assert not ask(desk, "GetWhatDependsOnThis", ROTO).depends.depends


def test_a_job_waits_for_a_layer_or_a_frame(desk: Desk) -> None:
    """ManageJob.createDependencyOnLayer and createDependencyOnFrame look for them by id."""
    layer = {"id": desk.layer(COMP, "comp").id}
    depend = ask(desk, "CreateDependencyOnLayer", ROTO, layer=layer).depend
    assert (enum_name(depend, "type"), depend.depend_on_layer) == ("JOB_ON_LAYER", "comp")
    frame = {"id": desk.frames(LIGHT, "DEAD")[0].id}
    depend = ask(desk, "CreateDependencyOnFrame", ROTO, frame=frame).depend
    assert enum_name(depend, "type") == "JOB_ON_FRAME"
    assert len(ask(desk, "GetWhatThisDependsOn", ROTO).depends.depends) == 2
    job = {"id": desk.job(ROTO).id}
    assert desk.refusal("JobInterface/CreateDependencyOnLayer", job=job, layer={"id": "x"}) == (
        "NOT_FOUND",
        NOTHING_FOUND,
    )


def test_frame_by_frame_counts_once_among_a_jobs_dependencies(desk: Desk) -> None:
    """WhiteboardDaoJdbc.getDepends leaves out FRAME_ON_FRAME."""
    desk.frames(SMOKE)
    depends = ask(desk, "GetDepends", SMOKE).depends.depends
    assert [enum_name(depend, "type") for depend in depends] == ["FRAME_BY_FRAME"]


def test_dependencies_of_a_job_are_dropped(desk: Desk) -> None:
    """ManageJob.dropDepends queues it, and what waited may start."""
    ask(desk, "CreateDependencyOnJob", ROTO, on_job={"id": desk.job(COMP).id})
    ask(desk, "DropDepends", ROTO, target="ANY_TARGET")
    assert len(desk.frames(ROTO, "DEPEND")) == 10
    desk.wait()
    assert not desk.frames(ROTO, "DEPEND")
    assert not [each for each in ask(desk, "GetDepends", ROTO).depends.depends if each.active]
