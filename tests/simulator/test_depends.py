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
from tests.simulator.in_process import COMP, LIGHT, ROTO, SMOKE, UNCAUGHT, Cuebot

REFUSED = "com.imageworks.spcue.depend.DependException: {0}\n{0}"


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


def test_a_frame_waits_as_long_as_anything_holds_it_back(cuebot: Cuebot) -> None:
    preview = parts(cuebot, COMP, "preview")
    first = next(iter(cuebot.farm.depends.values()))
    second = depends.add_depend(cuebot.farm, "LAYER_ON_JOB", preview, parts(cuebot, ROTO))
    for _ in range(2):
        depends.satisfy(cuebot.farm, first)
        assert states(cuebot, COMP, "preview") == ["DEPEND"]
    depends.satisfy(cuebot.farm, second)
    assert states(cuebot, COMP, "preview") == ["WAITING"]


def test_a_new_dependency_holds_back_all_but_running_and_eaten_frames(cuebot: Cuebot) -> None:
    beauty = parts(cuebot, LIGHT, "beauty")
    waiting = cuebot.farm.frames_of(beauty)[-1]
    cuebot("FrameInterface/Eat", frame=waiting)
    cuebot.wait(0.5)
    depends.add_depend(cuebot.farm, "LAYER_ON_JOB", beauty, parts(cuebot, ROTO))
    found = states(cuebot, LIGHT, "beauty")
    assert {state: found.count(state) for state in found} == {
        "DEPEND": 15,
        "RUNNING": 4,
        "EATEN": 1,
    }


def test_a_running_frame_that_is_held_back_goes_to_depend(cuebot: Cuebot) -> None:
    job = small_job(cuebot, layer_plan("a", [1, 2]), layer_plan("b", [1, 2]))
    first, _ = cuebot.farm.layers_of(job)
    frame = cuebot.farm.frames_of(first)[0]
    start_frame(cuebot.farm, frame, next(iter(cuebot.farm.hosts.values())))
    depends.add_depend(cuebot.farm, "LAYER_ON_JOB", first, parts(cuebot, ROTO))
    assert states(cuebot, job.name, "a") == ["RUNNING", "DEPEND"]
    end_frame(cuebot.farm, frame, 0)
    assert states(cuebot, job.name, "a") == ["DEPEND", "DEPEND"]


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


def test_the_last_success_satisfies_the_layer_whatever_was_eaten(cuebot: Cuebot) -> None:
    job = small_job(
        cuebot,
        layer_plan("a", [1, 2]),
        layer_plan("b", [1]),
        depends=(DependPlan(kind="LAYER_ON_LAYER", layer="b", on_layer="a"),),
    )
    first = cuebot.farm.frames_of(cuebot.farm.layers_of(job)[0])
    cuebot("FrameInterface/Eat", frame={"id": first[0].id})
    cuebot.wait(0.5)
    run(cuebot, first[1:])
    assert states(cuebot, job.name, "b") == ["WAITING"]


def test_what_cannot_wait_is_refused(cuebot: Cuebot) -> None:
    farm = cuebot.farm
    job, comp = parts(cuebot, COMP), parts(cuebot, COMP, "comp")
    frame = farm.frames_of(comp)[0]
    done = next(each for each in farm.jobs.values() if enum_name(each, "state") == "FINISHED")
    refusals = [
        ("JOB_ON_JOB", job, job, "A job cannot depend on itself."),
        ("JOB_ON_LAYER", job, comp, "A job cannot depend on one of its own layers."),
        ("JOB_ON_FRAME", job, frame, "A job cannot depend on one of its own frames."),
        ("LAYER_ON_JOB", comp, job, "A layer cannot depend on its own job."),
        ("LAYER_ON_LAYER", comp, comp, "Cannot make the layer comp depend on itself."),
        ("FRAME_BY_FRAME", comp, comp, "Cannot make the layer comp depend on itself."),
        ("LAYER_ON_SIM_FRAME", comp, frame, "Cannot make the layer comp depend on itself."),
        ("LAYER_ON_FRAME", comp, frame, "A layer cannot depend on one of its own frames."),
        ("FRAME_ON_JOB", frame, job, "A frame cannot depend on its own job."),
        ("FRAME_ON_LAYER", frame, comp, f"The frame {frame.name} cannot depend  on its own layer."),
        ("JOB_ON_JOB", job, done, "The job you are depending on is already complete."),
    ]
    known = len(farm.depends)
    for kind, er, on, text in refusals:
        with pytest.raises(Refusal) as caught:
            depends.add_depend(farm, kind, er, on)
        assert str(caught.value) == REFUSED.format(text)
    assert len(farm.depends) == known


def test_a_large_farm_makes_no_frames_for_its_dependencies(cuebot: Cuebot) -> None:
    job = small_job(
        cuebot,
        layer_plan("a", [1, 2]),
        layer_plan("b", [1]),
        depends=(DependPlan(kind="LAYER_ON_LAYER", layer="b", on_layer="a"),),
    )
    second = cuebot.farm.layers_of(job)[1]
    assert second.id in cuebot.farm.frames.lazy_layers
    assert cuebot.farm.tallies[second.id].states["DEPEND"] == 1
    (frame,) = cuebot.farm.frames_of(second)
    assert (enum_name(frame, "state"), given(frame, "eligible_time", 0)) == ("DEPEND", 0)
