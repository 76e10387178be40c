"""renderPartition.RenderPartitionInterface, and what Cuebot runs in render partitions."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from cuebot_simulator.world.messages import enum_name
from cuebot_simulator.world.partitions import add_partition
from cuebot_simulator.world.refusals import Refusal
from tests.simulator.in_process import COMP, ROTO, Cuebot

GIGABYTE_KB = 1024 * 1024
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


def test_the_user_must_own_a_host(cuebot: Cuebot) -> None:
    add(cuebot, cuebot.job(ROTO), username="artist1")
    deed = cuebot("HostInterface/GetDeed", host=cuebot.host("desk-201")).deed
    cuebot("DeedInterface/Delete", deed=deed)
    code, text = refusal(cuebot, cuebot.job(ROTO), username="artist1")
    assert code == "INTERNAL"
    assert text.endswith(f"\nartist1 is not the owner of the host {HOST}")
