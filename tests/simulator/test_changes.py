"""Changes of jobs, frames, layers, groups, hosts and procs, with all that follows from them."""

import pytest

from cuebot_simulator.world.messages import enum_name
from tests.simulator.conftest import NOW
from tests.simulator.in_process import Cuebot
from tests.simulator.sums import assert_sums

COMP = "demo-sh010-lena_comp_v003"
LIGHT = "demo-sh010-artist1_light_v012"


@pytest.fixture(autouse=True)
def unhurried(cuebot: Cuebot) -> None:
    """What was queued by one call is done by the next."""
    cuebot.pause = 0.25


def test_a_job_is_paused_and_resumed(cuebot: Cuebot) -> None:
    """What was changed is what is read then."""
    job = cuebot.job(COMP)
    assert not job.is_paused
    cuebot("JobInterface/Pause", job={"id": job.id})
    assert cuebot("JobInterface/GetJob", id=job.id).job.is_paused
    cuebot("JobInterface/Resume", job={"id": job.id})
    assert not cuebot("JobInterface/GetJob", id=job.id).job.is_paused


def test_job_settings_change_by_id_alone(cuebot: Cuebot) -> None:
    """Cores are cut to whole ones, and the rest of the job in the request does not matter."""
    job = {"id": cuebot.job(COMP).id, "name": "ignored", "priority": 1}
    cuebot("JobInterface/SetPriority", job=job, val=250)
    cuebot("JobInterface/SetMinCores", job=job, val=2.7)
    cuebot("JobInterface/SetMaxCores", job=job, val=-1)
    cuebot("JobInterface/SetAutoEat", job=job, value=True)
    now = cuebot.job(COMP)
    assert (now.priority, now.min_cores, now.max_cores, now.auto_eat) == (250, 2, -1, True)


def test_a_killed_job_is_finished_and_gone_from_the_list(cuebot: Cuebot) -> None:
    """Its running frames stop and wait, and their hosts have their cores back."""
    job = cuebot.job(COMP)
    cuebot("JobInterface/Kill", job={"id": job.id}, reason="not needed")
    assert not cuebot("JobInterface/GetJobs", r={"jobs": [COMP]}).jobs.jobs
    killed = cuebot.job(COMP)
    assert enum_name(killed, "state") == "FINISHED"
    assert killed.stop_time == NOW
    assert killed.job_stats.running_frames == 0
    assert killed.job_stats.waiting_frames == job.job_stats.waiting_frames + 3
    assert not cuebot("ProcInterface/GetProcs", r={"jobs": [COMP]}).procs.procs
    assert_sums(cuebot.farm)


def test_a_killed_frame_fails_and_leaves_its_host(cuebot: Cuebot) -> None:
    """It waits for its next try; a frame that does not run is left alone."""
    frame = cuebot.frames(COMP, "RUNNING")[0]
    host_name = frame.last_resource.partition("/")[0]
    before = cuebot("HostInterface/FindHost", name=host_name).host
    cuebot("FrameInterface/Kill", frame={"id": frame.id})
    now = cuebot("FrameInterface/GetFrame", id=frame.id).frame
    assert (enum_name(now, "state"), now.exit_status, now.stop_time) == (
        "WAITING",
        1,
        int(cuebot.clock()),
    )
    after = cuebot("HostInterface/FindHost", name=host_name).host
    assert after.idle_cores == before.idle_cores + 2
    assert_sums(cuebot.farm)

    done = cuebot.frames(COMP, "SUCCEEDED")[0]
    cuebot("FrameInterface/Kill", frame={"id": done.id})
    assert cuebot("FrameInterface/GetFrame", id=done.id).frame == done


def test_a_killed_frame_without_tries_left_is_dead_or_eaten(cuebot: Cuebot) -> None:
    """A job that eats its dead eats it."""
    frames = cuebot.frames(COMP, "RUNNING")
    for frame in frames[:2]:
        cuebot.farm.frames[frame.id].retry_count = 1
    cuebot("FrameInterface/Kill", frame={"id": frames[0].id})
    assert [frame.id for frame in cuebot.frames(COMP, "DEAD")] == [frames[0].id]
    cuebot("JobInterface/SetAutoEat", job={"id": cuebot.job(COMP).id}, value=True)
    cuebot("FrameInterface/Kill", frame={"id": frames[1].id})
    assert [frame.id for frame in cuebot.frames(COMP, "EATEN")] == [frames[1].id]


def test_eating_counts_frames_as_done(cuebot: Cuebot) -> None:
    """Dead, waiting and running frames are eaten, succeeded ones stay succeeded."""
    job = cuebot.job(LIGHT)
    cuebot("JobInterface/EatFrames", job={"id": job.id}, req={"states": {"frame_states": [5]}})
    stats = cuebot.job(LIGHT).job_stats
    assert (stats.dead_frames, stats.eaten_frames) == (0, 2)
    layer = cuebot("LayerInterface/FindLayer", job=LIGHT, layer="shadow").layer
    cuebot("LayerInterface/EatFrames", layer={"id": layer.id})
    assert cuebot("LayerInterface/GetLayer", id=layer.id).layer == layer
    running = cuebot.frames(LIGHT, "RUNNING")[0]
    cuebot("FrameInterface/Eat", frame={"id": running.id})
    eaten = cuebot("FrameInterface/GetFrame", id=running.id).frame
    assert (enum_name(eaten, "state"), eaten.exit_status) == ("EATEN", 506)
    assert_sums(cuebot.farm)


def test_a_job_with_nothing_left_to_do_is_finished(cuebot: Cuebot) -> None:
    """Eating without criteria, and without a limit, takes every frame of the job."""
    job = cuebot.job(COMP)
    cuebot("JobInterface/EatFrames", job={"id": job.id})
    now = cuebot.job(COMP)
    assert enum_name(now, "state") == "FINISHED"
    assert (now.job_stats.eaten_frames, now.job_stats.succeeded_frames) == (17, 8)
    assert_sums(cuebot.farm)


def test_retrying_makes_frames_wait_and_their_job_pending(cuebot: Cuebot) -> None:
    """Running and dead frames wait again; one that depends on others goes on doing so."""
    job = cuebot.job(LIGHT)
    dead = cuebot.frames(LIGHT, "DEAD")[0]
    cuebot("FrameInterface/Retry", frame={"id": dead.id})
    running = cuebot.frames(LIGHT, "RUNNING")[0]
    cuebot("FrameInterface/Retry", frame={"id": running.id})
    assert cuebot("FrameInterface/GetFrame", id=running.id).frame.exit_status == 500
    stats = cuebot.job(LIGHT).job_stats
    assert (stats.waiting_frames, stats.dead_frames, stats.running_frames) == (6, 1, 3)

    depending = cuebot.frames(COMP, "DEPEND")[0]
    cuebot("FrameInterface/Retry", frame={"id": depending.id})
    assert cuebot.frames(COMP, "DEPEND")[0].id == depending.id

    cuebot("JobInterface/Kill", job={"id": job.id})
    cuebot("JobInterface/RetryFrames", job={"id": job.id}, req={"layers": ["shadow"]})
    again = cuebot.job(LIGHT)
    assert enum_name(again, "state") == "PENDING"
    assert again.job_stats.succeeded_frames == 10
    assert_sums(cuebot.farm)


def test_layer_settings_change(cuebot: Cuebot) -> None:
    """Cores keep their hundredths, and too few of them mean the default, one."""
    layer = cuebot("LayerInterface/FindLayer", job=COMP, layer="comp").layer
    cuebot("LayerInterface/SetMinCores", layer={"id": layer.id}, cores=1.55)
    cuebot("LayerInterface/SetMaxCores", layer={"id": layer.id}, cores=6)
    cuebot("LayerInterface/SetTags", layer={"id": layer.id}, tags=["gpu", "general", "gpu"])
    now = cuebot("LayerInterface/GetLayer", id=layer.id).layer
    assert (round(now.min_cores, 2), now.max_cores) == (1.55, 6)
    assert list(now.tags) == ["gpu", "general"]
    cuebot("LayerInterface/SetMinCores", layer={"id": layer.id}, cores=0)
    assert cuebot("LayerInterface/GetLayer", id=layer.id).layer.min_cores == 1


def test_a_host_is_locked_and_unlocked(cuebot: Cuebot) -> None:
    """Locking leaves alone what runs there."""
    host = cuebot("HostInterface/FindHost", name="render-node-01").host
    cuebot("HostInterface/Lock", host={"id": host.id})
    locked = cuebot("HostInterface/GetHost", id=host.id).host
    assert (enum_name(locked, "lock_state"), locked.idle_cores) == ("LOCKED", host.idle_cores)
    cuebot("HostInterface/Unlock", host={"id": host.id})
    assert cuebot("HostInterface/GetHost", id=host.id).host == host


def test_group_core_limits_change(cuebot: Cuebot) -> None:
    """Without `min_cores` the minimum is 0, and a maximum below one core is refused."""
    group = cuebot("GroupInterface/FindGroup", show="demo", name="comp").group
    cuebot("GroupInterface/SetMinCores", group={"id": group.id}, min_cores=4)
    cuebot("GroupInterface/SetMaxCores", group={"id": group.id}, max_cores=16)
    now = cuebot("GroupInterface/GetGroup", id=group.id).group
    assert (now.min_cores, now.max_cores) == (4, 16)
    cuebot("GroupInterface/SetMinCores", group={"id": group.id})
    assert cuebot("GroupInterface/GetGroup", id=group.id).group.min_cores == 0
    code, text = cuebot.refusal("GroupInterface/SetMaxCores", group={"id": group.id})
    assert code == "INTERNAL"
    assert text.startswith("java.lang.IllegalArgumentException: ")


def test_group_defaults_reach_the_jobs_that_are_there(cuebot: Cuebot) -> None:
    """The defaults for jobs also change the group's present jobs."""
    group = cuebot("GroupInterface/FindGroup", show="demo", name="comp").group
    cuebot("GroupInterface/SetDefaultJobMinCores", group={"id": group.id}, min_cores=3)
    cuebot("GroupInterface/SetDefaultJobMaxCores", group={"id": group.id}, max_cores=30)
    cuebot("GroupInterface/SetDefaultJobPriority", group={"id": group.id}, priority=77)
    now = cuebot("GroupInterface/GetGroup", id=group.id).group
    assert (now.default_job_min_cores, now.default_job_max_cores) == (3, 30)
    job = cuebot("GroupInterface/GetJobs", group={"id": group.id}).jobs.jobs[0]
    assert (job.min_cores, job.max_cores, job.priority) == (3, 30, 77)


def test_groups_are_a_tree(cuebot: Cuebot) -> None:
    """A show's root group has the others below it."""
    show = cuebot("ShowInterface/FindShow", name="demo").show
    root = cuebot("ShowInterface/GetRootGroup", show={"id": show.id}).group
    below = cuebot("GroupInterface/GetGroups", group={"id": root.id}).groups.groups
    assert [group.name for group in below] == ["comp", "fx", "light"]
    groups = cuebot("ShowInterface/GetGroups", show={"id": show.id}).groups.groups
    assert list(groups) == [root, *below]


def test_a_host_changes_hands(cuebot: Cuebot) -> None:
    """TakeOwnership takes the owner by id and the host by name, and only NIMBY hosts."""
    owner = cuebot("OwnerInterface/GetOwner", name="artist1").owner
    by_id = {"id": owner.id}
    cuebot("OwnerInterface/TakeOwnership", owner=by_id, host="desk-202")
    assert cuebot("OwnerInterface/GetOwner", name=owner.id).owner.host_count == 2
    assert cuebot("OwnerInterface/GetOwner", name="artist2").owner.host_count == 0
    hosts = cuebot("OwnerInterface/GetHosts", owner=by_id).hosts.hosts
    assert [host.name for host in hosts] == ["desk-201", "desk-202"]
    deed = cuebot("HostInterface/GetDeed", host={"id": hosts[1].id}).deed
    assert deed in cuebot("OwnerInterface/GetDeeds", owner=by_id).deeds.deeds
    assert cuebot("DeedInterface/GetOwner", deed={"id": deed.id}).owner.name == "artist1"
    assert cuebot("HostInterface/GetOwner", host={"id": hosts[1].id}).owner.id == owner.id
    code, _ = cuebot.refusal("OwnerInterface/TakeOwnership", owner=by_id, host="render-node-01")
    assert code == "INTERNAL"


def test_a_proc_is_unbooked_or_killed(cuebot: Cuebot) -> None:
    """Unbooking lets the frame end, killing ends it."""
    procs = cuebot("ProcInterface/GetProcs", r={"jobs": [COMP]}).procs.procs
    cuebot("ProcInterface/Unbook", proc={"id": procs[0].id})
    now = cuebot("ProcInterface/GetProcs", r={"jobs": [COMP]}).procs.procs
    assert [proc.unbooked for proc in now].count(True) == 1
    cuebot("ProcInterface/Kill", proc={"id": procs[0].id})
    cuebot("ProcInterface/Unbook", proc={"id": procs[1].id}, kill=True)
    left = cuebot("ProcInterface/GetProcs", r={"jobs": [COMP]}).procs.procs
    assert [proc.id for proc in left] == [procs[2].id]
    assert cuebot.job(COMP).job_stats.running_frames == 1
    assert_sums(cuebot.farm)
