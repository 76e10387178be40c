"""renderPartition.RenderPartitionInterface, and what Cuebot runs in render partitions."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from cuebot_simulator.world.failures import Refusal
from cuebot_simulator.world.messages import enum_name, fill
from cuebot_simulator.world.partitions import add_partition
from cuebot_simulator.world.state import by_name
from tests.simulator.desk import UNCAUGHT, Desk

GIGABYTE = 1024 * 1024
ROTO = "northwind-ep02_031-artist1_roto_v001"
"""Ten frames of 2 GB wait."""
HOST = "desk-202"
"""NIMBY-locked, and owned by artist2. Eight cores."""


def add(desk: Desk, part: Any, **values: Any) -> Any:
    """A partition of two frames at a time, by its owner, if the values say nothing else."""
    defaults = {"host": HOST, "username": "artist2", "threads": 2, "max_cores": 4}
    request = SimpleNamespace(**{**defaults, "max_memory": 8 * GIGABYTE, **values})
    return add_partition(desk.farm, part, request)


def refusal(desk: Desk, part: Any, **values: Any) -> tuple[str, str]:
    with pytest.raises(Refusal) as caught:
        add(desk, part, **values)
    return caught.value.code.name, str(caught.value)


def partitions(desk: Desk, host: str = HOST) -> Sequence[Any]:
    by_id = {"id": desk.host(host).id}
    answer = desk("HostInterface/GetRenderPartitions", host=by_id)
    found: Sequence[Any] = answer.render_partitions.render_partitions
    return found


def procs(desk: Desk, host: str = HOST) -> Sequence[Any]:
    found: Sequence[Any] = desk("ProcInterface/GetProcs", r={"hosts": [host]}).procs.procs
    return found


def reserved(desk: Desk) -> list[int]:
    show = {"id": desk("ShowInterface/FindShow", name="northwind").show.id}
    found = desk("ShowInterface/GetSubscriptions", show=show).subscriptions.subscriptions
    return [each.reserved_cores for each in found if each.allocation_name == "local.desktop"]


def test_a_partition_for_a_job(desk: Desk) -> None:
    """ManageJob.addRenderPartition: cores are hundredths, and as many frames start as fit."""
    made = add(desk, desk.job(ROTO), max_gpus=1, max_gpu_memory=5)
    assert (made.job, made.layer, made.frame, made.host) == (ROTO, "", "", HOST)
    assert enum_name(made, "render_part_type") == "JOB_PARTITION"
    assert (made.threads, made.max_cores, made.cores) == (2, 400, 400)
    assert (made.max_memory, made.memory) == (8 * GIGABYTE, 4 * GIGABYTE)
    assert (made.max_gpus, made.gpus, made.max_gpu_memory, made.gpu_memory) == (1, 0, 5, 0)
    assert list(partitions(desk)) == [made]
    assert [proc.reserved_cores for proc in procs(desk)] == [2, 2]
    assert desk.host(HOST).idle_cores == 4


def test_what_runs_locally_is_not_the_shows(desk: Desk) -> None:
    """ProcDao.procCreated counts local procs neither in the subscription nor in the job."""
    add(desk, desk.job(ROTO))
    assert desk.job(ROTO).job_stats.running_frames == 2
    assert reserved(desk) == [0]
    assert desk.job(ROTO).job_stats.reserved_cores == 0
    job = {"id": desk.job(ROTO).id}
    (layer,) = desk("JobInterface/GetLayers", job=job).layers.layers
    assert layer.layer_stats.reserved_cores == 4
    desk("RenderPartitionInterface/Delete", render_partition={"id": partitions(desk)[0].id})
    desk.wait(1)
    assert reserved(desk) == [0]
    assert desk.host(HOST).idle_cores == 8


def test_partitions_for_a_layer_and_for_a_frame(desk: Desk) -> None:
    """ManageLayer and ManageFrame.addRenderPartition: only frames of these run there."""
    layer = desk.layer(ROTO, "roto")
    made = add(desk, layer)
    assert enum_name(made, "render_part_type") == "LAYER_PARTITION"
    assert (made.job, made.layer, made.frame) == (ROTO, "roto", "")
    assert {proc.job_name for proc in procs(desk)} == {ROTO}
    frame = desk.frames("demo-sh010-lena_comp_v003", "WAITING")[-1]
    made = add(desk, frame, threads=1)
    assert enum_name(made, "render_part_type") == "FRAME_PARTITION"
    assert (made.layer, made.frame, made.cores) == ("comp", frame.name, 100)
    assert frame.name in {proc.frame_name for proc in procs(desk)}
    assert len(partitions(desk)) == 2


def test_a_partition_goes_on_until_its_job_is_over(desk: Desk) -> None:
    """LocalDispatcher gives the host the job's next frames, though it is NIMBY-locked."""
    add(desk, desk.job(ROTO), max_memory=4 * GIGABYTE)
    first = {proc.id for proc in procs(desk)}
    seen = set()
    for _ in range(100):
        desk.wait(5)
        seen |= {proc.id for proc in procs(desk)}
    assert seen - first
    desk("JobInterface/Kill", job={"id": desk.job(ROTO).id}, username="me", reason="test")
    desk.wait(10)
    assert not partitions(desk)
    assert not procs(desk)


def test_a_locked_host_starts_nothing_more(desk: Desk) -> None:
    """HostReportHandler books no locked host, not even locally."""
    made = add(desk, desk.job(ROTO))
    desk("HostInterface/Lock", host={"id": desk.host(HOST).id})
    by_id = {"render_partition": {"id": made.id}}
    desk("RenderPartitionInterface/SetMaxResources", **by_id, cores=800)
    before = {proc.id for proc in procs(desk)}
    desk.wait(10)
    assert {proc.id for proc in procs(desk)} <= before


def test_an_open_host_with_a_partition_runs_nothing_else(desk: Desk) -> None:
    """HostReportHandler books a host with a local assignment only locally."""
    add(desk, desk.job(ROTO))
    by_id = {"id": desk.host(HOST).id}
    desk("HostInterface/AddTags", host=by_id, tags=["general"])
    desk("HostInterface/Unlock", host=by_id)
    desk.wait(10)
    assert {proc.job_name for proc in procs(desk)} == {ROTO}


def test_the_host_must_not_be_open(desk: Desk) -> None:
    """LocalBookingSupport.bookLocal throws a SpcueRuntimeException."""
    code, text = refusal(desk, desk.job(ROTO), host="desk-201", username="artist1")
    said = f"The host desk-201/{desk.host('desk-201').id} is not NIMBY locked"
    assert (code, text) == (
        "INTERNAL",
        f"com.imageworks.spcue.SpcueRuntimeException: {said}\n{said}",
    )


def test_the_user_must_own_a_host(desk: Desk) -> None:
    """OwnerDao.isOwner looks for any deed of the owner, not for that of this host."""
    add(desk, desk.job(ROTO), username="artist1")
    deed = desk("HostInterface/GetDeed", host={"id": desk.host("desk-201").id}).deed
    desk("DeedInterface/Delete", deed={"id": deed.id})
    code, text = refusal(desk, desk.job(ROTO), username="artist1")
    assert code == "INTERNAL"
    assert text.endswith(f"\nartist1 is not the owner of the host {HOST}")


@pytest.mark.parametrize("unknown", ["host", "username"])
def test_an_unknown_host_or_owner(desk: Desk, unknown: str) -> None:
    """ManageJob catches it, and speaks of job data; ManageLayer does not catch it."""
    job = refusal(desk, desk.job(ROTO), **{unknown: "no"})
    assert job == ("INTERNAL", "Failed to find job data")
    code, text = refusal(desk, desk.layer(ROTO, "roto"), **{unknown: "no"})
    said = "Failed to find host no" if unknown == "host" else "Failed to find owner: no"
    assert code == "INTERNAL"
    assert text == f"org.springframework.dao.EmptyResultDataAccessException: {said}\n{said}"


def test_one_partition_per_host_and_job(desk: Desk) -> None:
    """The database has a unique index over both."""
    add(desk, desk.job(ROTO))
    code, text = refusal(desk, desk.layer(ROTO, "roto"))
    assert code == "INTERNAL"
    assert text.startswith("org.springframework.dao.DuplicateKeyException: ")


@pytest.mark.parametrize("values", [{"max_cores": 1}, {"max_memory": GIGABYTE}])
def test_a_partition_without_room_for_a_frame(desk: Desk, values: dict[str, int]) -> None:
    """ManageJob.addRenderPartition fails then, but the assignment is there and stays."""
    said = refusal(desk, desk.job(ROTO), **values)
    assert said == ("INTERNAL", "Failed to find suitable frames.")
    assert [each.job for each in partitions(desk)] == [ROTO]
    assert not procs(desk)


def test_a_partition_takes_no_more_than_its_host_has(desk: Desk) -> None:
    """The database lets no host give more cores or memory than it has."""
    most = {"max_cores": 100, "max_memory": 100 * GIGABYTE}
    made = add(desk, desk.job(ROTO), **most)
    assert (made.cores, desk.host(HOST).idle_cores) == (800, 0)
    desk("RenderPartitionInterface/Delete", render_partition={"id": made.id})
    desk.wait(1)
    by_name(desk.farm.hosts, HOST).idle_memory = 5 * GIGABYTE
    assert add(desk, desk.job(ROTO), **most).memory == 4 * GIGABYTE


def test_a_partition_keeps_to_limits(desk: Desk) -> None:
    """The queries of the local dispatcher leave out layers that are at a limit."""
    limit = by_name(desk.farm.limits, "nuke_render")
    limit.max_value = desk.farm.running_with[limit.name] + 1
    fill(desk.farm.layers[desk.layer(ROTO, "roto").id], limits=[limit.name])
    assert add(desk, desk.job(ROTO)).cores == 200


def test_ten_frames_start_at_a_time(desk: Desk) -> None:
    """LocalDispatcher books at most ten frames in one go."""
    by_name(desk.farm.hosts, HOST).idle_memory = 1000 * GIGABYTE
    job = desk.job("harbor-hb110-tomas_light_v004")
    assert job.job_stats.waiting_frames == 11
    add(desk, job, threads=0, max_memory=1000 * GIGABYTE)
    assert len(procs(desk)) == 10


def test_a_machine_that_is_off_runs_nothing(desk: Desk) -> None:
    """LocalDispatcher cannot launch there."""
    host = "render-node-06"
    desk("HostInterface/Reboot", host={"id": desk.host(host).id})
    said = refusal(desk, desk.job(ROTO), host=host)
    assert said == ("INTERNAL", "Failed to find suitable frames.")


def test_a_partition_for_a_finished_job(desk: Desk) -> None:
    """LocalDispatcher removes an assignment that has booked nothing if its job is over."""
    job = desk.job(ROTO)
    desk("JobInterface/Kill", job={"id": job.id}, username="me", reason="test")
    desk.wait(5)
    assert refusal(desk, job)[1] == "Failed to find suitable frames."
    assert not partitions(desk)


def test_a_paused_job_waits_but_its_layers_do_not(desk: Desk) -> None:
    """JobDao.hasPendingFrames asks whether a job is paused, LayerDao.isLayerDispatchable not."""
    desk("JobInterface/Pause", job={"id": desk.job(ROTO).id})
    assert refusal(desk, desk.job(ROTO))[1] == "Failed to find suitable frames."
    (made,) = partitions(desk)
    desk("RenderPartitionInterface/Delete", render_partition={"id": made.id})
    assert add(desk, desk.layer(ROTO, "roto")).cores == 400


def test_a_frame_that_does_not_wait(desk: Desk) -> None:
    """ManageFrame.addRenderPartition adds to the text."""
    frame = desk.frames("demo-sh010-lena_comp_v003", "RUNNING")[0]
    said = "Failed to find suitable frames.\ncustomException()"
    assert refusal(desk, frame) == ("INTERNAL", said)


def test_the_most_of_a_partition_is_set(desk: Desk) -> None:
    """BookingManager.setMaxResources: only what is above 0, and cores as hundredths."""
    made = add(desk, desk.job(ROTO), max_gpus=1)
    by_id = {"render_partition": {"id": made.id}}
    desk("RenderPartitionInterface/SetMaxResources", **by_id, cores=800, gpu_memory=7)
    (now,) = partitions(desk)
    assert (now.max_cores, now.max_memory) == (800, 8 * GIGABYTE)
    assert (now.max_gpus, now.max_gpu_memory) == (1, 7)
    values = {"memory": 16 * GIGABYTE, "gpus": 2}
    desk("RenderPartitionInterface/SetMaxResources", **by_id, **values)
    (now,) = partitions(desk)
    assert (now.max_memory, now.max_gpus) == (16 * GIGABYTE, 2)
    desk.wait(10)
    assert len(procs(desk)) == 4


def test_a_partition_is_given_up(desk: Desk) -> None:
    """BookingManager.deactivateLocalHostAssignment kills what runs there of the job."""
    made = add(desk, desk.job(ROTO))
    desk("RenderPartitionInterface/Delete", render_partition={"id": made.id})
    assert not partitions(desk)
    assert [proc.unbooked for proc in procs(desk)] == [True, True]
    desk.wait(10)
    assert not procs(desk)
    assert desk.host(HOST).idle_cores == 8


def test_other_partitions_stay(desk: Desk) -> None:
    """ProcDao.findVirtualProcs of an assignment: those of its job on its host."""
    made = add(desk, desk.job(ROTO))
    frame = desk.frames("demo-sh010-lena_comp_v003", "WAITING")[-1]
    add(desk, frame)
    desk("RenderPartitionInterface/Delete", render_partition={"id": made.id})
    desk.wait(1)
    assert [proc.frame_name for proc in procs(desk)] == [frame.name]
    assert [each.frame for each in partitions(desk)] == [frame.name]


@pytest.mark.parametrize("method", ["Delete", "SetMaxResources"])
def test_an_unknown_partition(desk: Desk, method: str) -> None:
    """ManageRenderPartition does not catch Spring's exception: INTERNAL."""
    assert desk.refusal(f"RenderPartitionInterface/{method}") == ("INTERNAL", UNCAUGHT)


def test_a_host_with_a_partition_is_not_deleted(desk: Desk) -> None:
    """The database refuses to delete a host that a local assignment refers to."""
    refusal(desk, desk.job(ROTO), max_cores=1)
    code, text = desk.refusal("HostInterface/Delete", host={"id": desk.host(HOST).id})
    assert code == "INTERNAL"
    assert "c_host_local_pk_host" in text
