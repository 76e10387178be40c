"""renderPartition.RenderPartitionInterface, and what Cuebot runs in render partitions."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from cuebot_simulator.world.failures import Refusal
from cuebot_simulator.world.messages import enum_name, fill
from cuebot_simulator.world.partitions import add_partition
from cuebot_simulator.world.state import by_name
from tests.simulator.in_process import COMP, HARBOR, ROTO, VIOLATION, Cuebot

GIGABYTE_KB = 1024 * 1024
"""Ten frames of 2 GB wait."""
HOST = "desk-202"
"""NIMBY-locked, and owned by artist2. Eight cores."""


def add(cuebot: Cuebot, part: Any, **values: Any) -> Any:
    """A partition of two frames at a time, by its owner, if the values say nothing else."""
    defaults = {"host": HOST, "username": "artist2", "threads": 2, "max_cores": 4}
    request = SimpleNamespace(**{**defaults, "max_memory": 8 * GIGABYTE_KB, **values})
    return add_partition(cuebot.farm, part, request)


def refusal(cuebot: Cuebot, part: Any, **values: Any) -> tuple[str, str]:
    with pytest.raises(Refusal) as caught:
        add(cuebot, part, **values)
    return caught.value.code.name, str(caught.value)


def partitions(cuebot: Cuebot, host: str = HOST) -> Sequence[Any]:
    by_id = {"id": cuebot.host(host).id}
    answer = cuebot("HostInterface/GetRenderPartitions", host=by_id)
    found: Sequence[Any] = answer.render_partitions.render_partitions
    return found


def procs(cuebot: Cuebot, host: str = HOST) -> Sequence[Any]:
    found: Sequence[Any] = cuebot("ProcInterface/GetProcs", r={"hosts": [host]}).procs.procs
    return found


def reserved(cuebot: Cuebot) -> list[int]:
    show = {"id": cuebot("ShowInterface/FindShow", name="northwind").show.id}
    found = cuebot("ShowInterface/GetSubscriptions", show=show).subscriptions.subscriptions
    return [each.reserved_cores for each in found if each.allocation_name == "local.desktop"]


def test_a_partition_for_a_job(cuebot: Cuebot) -> None:
    made = add(cuebot, cuebot.job(ROTO), max_gpus=1, max_gpu_memory=5)
    assert (made.job, made.layer, made.frame, made.host) == (ROTO, "", "", HOST)
    assert enum_name(made, "render_part_type") == "JOB_PARTITION"
    assert (made.threads, made.max_cores, made.cores) == (2, 400, 400)
    assert (made.max_memory, made.memory) == (8 * GIGABYTE_KB, 4 * GIGABYTE_KB)
    assert (made.max_gpus, made.gpus, made.max_gpu_memory, made.gpu_memory) == (1, 0, 5, 0)
    assert list(partitions(cuebot)) == [made]
    assert [proc.reserved_cores for proc in procs(cuebot)] == [2, 2]
    assert cuebot.host(HOST).idle_cores == 4


def test_what_runs_locally_is_not_the_shows(cuebot: Cuebot) -> None:
    add(cuebot, cuebot.job(ROTO))
    assert cuebot.job(ROTO).job_stats.running_frames == 2
    assert reserved(cuebot) == [0]
    assert cuebot.job(ROTO).job_stats.reserved_cores == 0
    job = {"id": cuebot.job(ROTO).id}
    (layer,) = cuebot("JobInterface/GetLayers", job=job).layers.layers
    assert layer.layer_stats.reserved_cores == 4
    cuebot("RenderPartitionInterface/Delete", render_partition={"id": partitions(cuebot)[0].id})
    cuebot.wait(1)
    assert reserved(cuebot) == [0]
    assert cuebot.host(HOST).idle_cores == 8


def test_partitions_for_a_layer_and_for_a_frame(cuebot: Cuebot) -> None:
    layer = cuebot.layer(ROTO, "roto")
    made = add(cuebot, layer)
    assert enum_name(made, "render_part_type") == "LAYER_PARTITION"
    assert (made.job, made.layer, made.frame) == (ROTO, "roto", "")
    assert {proc.job_name for proc in procs(cuebot)} == {ROTO}
    frame = cuebot.frames(COMP, "WAITING")[-1]
    made = add(cuebot, frame, threads=1)
    assert enum_name(made, "render_part_type") == "FRAME_PARTITION"
    assert (made.layer, made.frame, made.cores) == ("comp", frame.name, 100)
    assert frame.name in {proc.frame_name for proc in procs(cuebot)}
    assert len(partitions(cuebot)) == 2


def test_a_partition_goes_on_until_its_job_is_over(cuebot: Cuebot) -> None:
    add(cuebot, cuebot.job(ROTO), max_memory=4 * GIGABYTE_KB)
    first = {proc.id for proc in procs(cuebot)}
    seen = set()
    for _ in range(100):
        cuebot.wait(5)
        seen |= {proc.id for proc in procs(cuebot)}
    assert seen - first
    cuebot("JobInterface/Kill", job=cuebot.job(ROTO), username="me", reason="test")
    cuebot.wait(10)
    assert not partitions(cuebot)
    assert not procs(cuebot)


def test_a_locked_host_starts_nothing_more(cuebot: Cuebot) -> None:
    made = add(cuebot, cuebot.job(ROTO))
    cuebot("HostInterface/Lock", host=cuebot.host(HOST))
    by_id = {"render_partition": {"id": made.id}}
    cuebot("RenderPartitionInterface/SetMaxResources", **by_id, cores=800)
    before = {proc.id for proc in procs(cuebot)}
    cuebot.wait(10)
    assert {proc.id for proc in procs(cuebot)} <= before


def test_an_open_host_with_a_partition_runs_nothing_else(cuebot: Cuebot) -> None:
    add(cuebot, cuebot.job(ROTO))
    by_id = {"id": cuebot.host(HOST).id}
    cuebot("HostInterface/AddTags", host=by_id, tags=["general"])
    cuebot("HostInterface/Unlock", host=by_id)
    cuebot.wait(10)
    assert {proc.job_name for proc in procs(cuebot)} == {ROTO}


def test_the_user_must_own_a_host(cuebot: Cuebot) -> None:
    add(cuebot, cuebot.job(ROTO), username="artist1")
    deed = cuebot("HostInterface/GetDeed", host=cuebot.host("desk-201")).deed
    cuebot("DeedInterface/Delete", deed=deed)
    code, text = refusal(cuebot, cuebot.job(ROTO), username="artist1")
    assert code == "INTERNAL"
    assert text.endswith(f"\nartist1 is not the owner of the host {HOST}")


def test_one_partition_per_host_and_job(cuebot: Cuebot) -> None:
    add(cuebot, cuebot.job(ROTO))
    code, text = refusal(cuebot, cuebot.layer(ROTO, "roto"))
    assert code == "INTERNAL"
    assert text.startswith("org.springframework.dao.DuplicateKeyException: ")


@pytest.mark.parametrize("values", [{"max_cores": 1}, {"max_memory": GIGABYTE_KB}])
def test_a_partition_without_room_for_a_frame(cuebot: Cuebot, values: dict[str, int]) -> None:
    said = refusal(cuebot, cuebot.job(ROTO), **values)
    assert said == ("INTERNAL", "Failed to find suitable frames.")
    assert [each.job for each in partitions(cuebot)] == [ROTO]
    assert not procs(cuebot)


def test_a_partition_takes_no_more_than_its_host_has(cuebot: Cuebot) -> None:
    most = {"max_cores": 100, "max_memory": 100 * GIGABYTE_KB}
    made = add(cuebot, cuebot.job(ROTO), **most)
    assert (made.cores, cuebot.host(HOST).idle_cores) == (800, 0)
    cuebot("RenderPartitionInterface/Delete", render_partition=made)
    cuebot.wait(1)
    by_name(cuebot.farm.hosts, HOST).idle_memory = 5 * GIGABYTE_KB
    assert add(cuebot, cuebot.job(ROTO), **most).memory == 4 * GIGABYTE_KB


def test_a_partition_keeps_to_limits(cuebot: Cuebot) -> None:
    limit = by_name(cuebot.farm.limits, "nuke_render")
    limit.max_value = cuebot.farm.running_with[limit.name] + 1
    fill(cuebot.farm.layers[cuebot.layer(ROTO, "roto").id], limits=[limit.name])
    assert add(cuebot, cuebot.job(ROTO)).cores == 200


def test_ten_frames_start_at_a_time(cuebot: Cuebot) -> None:
    by_name(cuebot.farm.hosts, HOST).idle_memory = 1000 * GIGABYTE_KB
    job = cuebot.job(HARBOR)
    assert job.job_stats.waiting_frames == 11
    add(cuebot, job, threads=0, max_memory=1000 * GIGABYTE_KB)
    assert len(procs(cuebot)) == 10


def test_a_machine_that_is_off_runs_nothing(cuebot: Cuebot) -> None:
    host = "render-node-06"
    cuebot("HostInterface/Reboot", host=cuebot.host(host))
    said = refusal(cuebot, cuebot.job(ROTO), host=host)
    assert said == ("INTERNAL", "Failed to find suitable frames.")


def test_a_partition_for_a_finished_job(cuebot: Cuebot) -> None:
    job = cuebot.job(ROTO)
    cuebot("JobInterface/Kill", job=job, username="me", reason="test")
    cuebot.wait(5)
    assert refusal(cuebot, job)[1] == "Failed to find suitable frames."
    assert not partitions(cuebot)


def test_a_paused_job_waits_but_its_layers_do_not(cuebot: Cuebot) -> None:
    cuebot("JobInterface/Pause", job=cuebot.job(ROTO))
    assert refusal(cuebot, cuebot.job(ROTO))[1] == "Failed to find suitable frames."
    (made,) = partitions(cuebot)
    cuebot("RenderPartitionInterface/Delete", render_partition=made)
    assert add(cuebot, cuebot.layer(ROTO, "roto")).cores == 400


def test_a_frame_that_does_not_wait(cuebot: Cuebot) -> None:
    frame = cuebot.frames(COMP, "RUNNING")[0]
    said = "Failed to find suitable frames.\ncustomException()"
    assert refusal(cuebot, frame) == ("INTERNAL", said)


def test_the_most_of_a_partition_is_set(cuebot: Cuebot) -> None:
    made = add(cuebot, cuebot.job(ROTO), max_gpus=1)
    by_id = {"render_partition": {"id": made.id}}
    cuebot("RenderPartitionInterface/SetMaxResources", **by_id, cores=800, gpu_memory=7)
    (now,) = partitions(cuebot)
    assert (now.max_cores, now.max_memory) == (800, 8 * GIGABYTE_KB)
    assert (now.max_gpus, now.max_gpu_memory) == (1, 7)
    values = {"memory": 16 * GIGABYTE_KB, "gpus": 2}
    cuebot("RenderPartitionInterface/SetMaxResources", **by_id, **values)
    (now,) = partitions(cuebot)
    assert (now.max_memory, now.max_gpus) == (16 * GIGABYTE_KB, 2)
    cuebot.wait(10)
    assert len(procs(cuebot)) == 4


def test_a_partition_is_given_up(cuebot: Cuebot) -> None:
    made = add(cuebot, cuebot.job(ROTO))
    cuebot("RenderPartitionInterface/Delete", render_partition=made)
    assert not partitions(cuebot)
    assert [proc.unbooked for proc in procs(cuebot)] == [True, True]
    cuebot.wait(10)
    assert not procs(cuebot)
    assert cuebot.host(HOST).idle_cores == 8


def test_other_partitions_stay(cuebot: Cuebot) -> None:
    made = add(cuebot, cuebot.job(ROTO))
    frame = cuebot.frames(COMP, "WAITING")[-1]
    add(cuebot, frame)
    cuebot("RenderPartitionInterface/Delete", render_partition=made)
    cuebot.wait(1)
    assert [proc.frame_name for proc in procs(cuebot)] == [frame.name]
    assert [each.frame for each in partitions(cuebot)] == [frame.name]


def test_a_host_with_a_partition_is_not_deleted(cuebot: Cuebot) -> None:
    refusal(cuebot, cuebot.job(ROTO), max_cores=1)
    assert cuebot.refusal("HostInterface/Delete", host=cuebot.host(HOST)) == VIOLATION
