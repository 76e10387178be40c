"""depend.DependInterface, and what dependencies do to frames."""

from collections.abc import Sequence
from typing import Any

import pytest

from cuebot_simulator.world import depends
from cuebot_simulator.world.depends import Chunks
from cuebot_simulator.world.frame_actions import end_frame
from cuebot_simulator.world.frames import start_frame
from cuebot_simulator.world.jobs import finish_job, launch_job
from cuebot_simulator.world.messages import enum_name, given
from cuebot_simulator.world.plans import DependPlan, JobPlan, LayerPlan
from cuebot_simulator.world.refusals import Refusal
from tests.simulator.in_process import COMP, SMOKE, UNCAUGHT, Cuebot


def parts(cuebot: Cuebot, job: str, layer: str = "") -> Any:
    """A job or a layer on the farm itself."""
    found = cuebot.farm.pending[job]
    return next((each for each in cuebot.farm.layers_of(found) if each.name == layer), found)


def states(cuebot: Cuebot, job: str, layer: str) -> list[str]:
    """The states of a layer's frames, in order."""
    return [enum_name(frame, "state") for frame in cuebot.farm.frames_of(parts(cuebot, job, layer))]


def run(cuebot: Cuebot, frames: Sequence[Any], exit_status: int = 0) -> None:
    """Run frames to their end, whatever the dispatcher thinks."""
    for frame in frames:
        start_frame(cuebot.farm, frame, next(iter(cuebot.farm.hosts.values())))
        end_frame(cuebot.farm, frame, exit_status)


def small_job(cuebot: Cuebot, *layers: LayerPlan, name: str = "x", **values: Any) -> Any:
    """A paused job of these layers on the farm."""
    plan = JobPlan(
        show="demo", shot="sh1", user="me", name=name, layers=layers, paused=True, **values
    )
    return launch_job(cuebot.farm, plan)


def layer_plan(name: str, frames: Sequence[int], chunk: int = 1, text: str = "") -> LayerPlan:
    return LayerPlan(name=name, frames=tuple(frames), chunk=chunk, range=text)


def test_satisfy_is_queued_and_lets_frames_start(cuebot: Cuebot) -> None:
    known = next(iter(cuebot.farm.depends.values()))
    cuebot("DependInterface/Satisfy", depend=known)
    assert states(cuebot, COMP, "preview") == ["DEPEND"]
    cuebot.wait(0.5)
    assert states(cuebot, COMP, "preview") == ["WAITING"]
    assert not cuebot("DependInterface/GetDepend", id=known.id).depend.active
    (frame,) = cuebot.farm.frames_of(parts(cuebot, COMP, "preview"))
    assert given(frame, "eligible_time", cuebot.farm.now) == cuebot.farm.now
    assert cuebot.refusal("DependInterface/Satisfy", depend={"id": "x"}) == ("INTERNAL", UNCAUGHT)


def test_frame_by_frame_lets_each_frame_start_after_its_own(cuebot: Cuebot) -> None:
    sim = cuebot.farm.frames_of(parts(cuebot, SMOKE, "sim"))
    run(cuebot, sim[:2])
    assert states(cuebot, SMOKE, "mesh")[:3] == ["WAITING", "WAITING", "DEPEND"]
    parent = next(
        each for each in cuebot.farm.depends.values() if enum_name(each, "type") == "FRAME_BY_FRAME"
    )
    depends.satisfy(cuebot.farm, parent)
    assert states(cuebot, SMOKE, "mesh") == ["WAITING"] * 12
    assert parent.active


@pytest.mark.parametrize(
    ("er", "on", "pairs"),
    [
        ((range(1, 5), 1), (range(1, 5), 1), {1: [1], 2: [2], 3: [3], 4: [4]}),
        ((range(1, 5), 1), (range(3, 9), 1), {3: [3], 4: [4]}),
        ((range(1, 7), 1), ((1, 4), 3), {1: [1], 2: [1], 3: [1], 4: [4], 5: [4], 6: [4]}),
        (((1, 4), 3), (range(1, 7), 1), {1: [1, 2, 3], 4: [4, 5, 6]}),
        (((1, 5), 4), ((1, 3, 5, 7), 2), {1: [1, 3, 5], 5: [5, 7]}),
    ],
)
def test_chunks_wait_for_the_chunks_they_need(
    er: tuple[Sequence[int], int], on: tuple[Sequence[int], int], pairs: dict[int, list[int]]
) -> None:
    found = {number: list(Chunks(on[0]).needed(number, er[1], on[1])) for number in er[0]}
    assert {number: needed for number, needed in found.items() if needed} == pairs


def test_chunks_that_were_launched_backwards_are_found_too() -> None:
    chunks = Chunks((10, 7, 13, 4, 16))
    assert [chunks.place(number) for number in (4, 10, 11, 12, 14, 15, 99)] == [3, 0, 1, 1, 3, 3, 4]
    assert Chunks((10, 20, 5, 30)).place(15) == 0


def test_a_layer_of_one_chunk_waits_whole(cuebot: Cuebot) -> None:
    job = small_job(cuebot, layer_plan("a", [1, 2]), layer_plan("b", [1], chunk=100))
    depend = depends.add_depend(cuebot.farm, "FRAME_BY_FRAME", *cuebot.farm.layers_of(job))
    assert enum_name(depend, "type") == "LAYER_ON_LAYER"
    assert cuebot.farm.frames.lazy_layers >= {layer.id for layer in cuebot.farm.layers_of(job)}


def test_previous_frame(cuebot: Cuebot) -> None:
    job = small_job(
        cuebot,
        layer_plan("a", [1, 2, 3], text="1-3"),
        depends=(DependPlan(kind="PREVIOUS_FRAME", layer="a", on_layer="a"),),
    )
    assert states(cuebot, job.name, "a") == ["WAITING", "DEPEND", "DEPEND"]
    run(cuebot, cuebot.farm.frames_of(job)[:1])
    assert states(cuebot, job.name, "a") == ["SUCCEEDED", "WAITING", "DEPEND"]
    parent = next(
        each for each in cuebot.farm.depends.values() if enum_name(each, "type") == "PREVIOUS_FRAME"
    )
    depends.satisfy(cuebot.farm, parent)
    assert parent.active
    kinds = [enum_name(each, "type") for each in depends.dependencies_of(cuebot.farm, job)]
    assert kinds == []


def test_layer_on_sim_frame(cuebot: Cuebot) -> None:
    job = small_job(
        cuebot,
        layer_plan("a", [1, 2]),
        layer_plan("sim", [1]),
        depends=(
            DependPlan(kind="LAYER_ON_SIM_FRAME", layer="a", on_layer="sim", on_frame="0001-sim"),
        ),
    )
    first, sim = cuebot.farm.layers_of(job)
    kinds = [enum_name(each, "type") for each in depends.dependencies_of(cuebot.farm, first)]
    assert kinds == ["FRAME_ON_FRAME"] * 2
    run(cuebot, cuebot.farm.frames_of(sim))
    assert states(cuebot, job.name, "a") == ["WAITING", "WAITING"]


def test_any_frame_is_satisfied_by_the_first(cuebot: Cuebot) -> None:
    job = small_job(
        cuebot,
        layer_plan("a", [1, 2]),
        layer_plan("b", [1]),
        layer_plan("c", [1]),
        depends=(
            DependPlan(kind="LAYER_ON_LAYER", layer="b", on_layer="a", any_frame=True),
            DependPlan(kind="LAYER_ON_LAYER", layer="c", on_layer="a"),
        ),
    )
    frames = cuebot.farm.frames_of(cuebot.farm.layers_of(job)[0])
    run(cuebot, frames[1:])
    assert (states(cuebot, job.name, "b"), states(cuebot, job.name, "c")) == (
        ["WAITING"],
        ["DEPEND"],
    )
    run(cuebot, frames[:1])
    assert states(cuebot, job.name, "c") == ["WAITING"]


@pytest.mark.parametrize("kind", ["JOB_ON_JOB", "LAYER_ON_JOB", "FRAME_ON_JOB"])
@pytest.mark.parametrize("ends", ["killed", "done"])
def test_a_job_that_ends_in_any_way_is_waited_for_no_more(
    cuebot: Cuebot, kind: str, ends: str
) -> None:
    other = small_job(cuebot, layer_plan("b", [1]), name="other")
    job = small_job(cuebot, layer_plan("a", [1]))
    layer = cuebot.farm.layers_of(job)[0]
    er = {"JOB": job, "LAYER": layer, "FRAME": cuebot.farm.frames_of(layer)[0]}[kind.split("_")[0]]
    depend = depends.add_depend(cuebot.farm, kind, er, other)
    assert enum_name(depend, "target") == "EXTERNAL"
    assert states(cuebot, job.name, "a") == ["DEPEND"]
    if ends == "done":
        run(cuebot, cuebot.farm.frames_of(other))
    else:
        finish_job(cuebot.farm, other)
    assert states(cuebot, job.name, "a") == ["WAITING"]


@pytest.mark.parametrize("kind", ["FRAME_BY_FRAME", "PREVIOUS_FRAME", "LAYER_ON_SIM_FRAME"])
def test_too_many_at_once_are_refused(
    cuebot: Cuebot, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(depends, "MOST_CHILDREN", 5)
    job = small_job(cuebot, layer_plan("a", range(1, 9)), layer_plan("b", range(1, 9)))
    er, on = cuebot.farm.layers_of(job)
    before = len(cuebot.farm.depends)
    end = cuebot.farm.frames_of(on)[0] if kind == "LAYER_ON_SIM_FRAME" else on
    with pytest.raises(Refusal, match="no more than 5 dependencies") as caught:
        depends.add_depend(cuebot.farm, kind, er, end)
    assert caught.value.code.name == "RESOURCE_EXHAUSTED"
    assert len(cuebot.farm.depends) == before
