"""depend.DependInterface, and what dependencies do to frames."""

from collections.abc import Sequence
from typing import Any

import pytest

from cuebot_simulator.world import depends
from cuebot_simulator.world.counterparts import Chunks
from cuebot_simulator.world.failures import Refusal
from cuebot_simulator.world.frames import start_frame
from cuebot_simulator.world.jobs import finish_job
from cuebot_simulator.world.launch import launch_job
from cuebot_simulator.world.messages import enum_name, given
from cuebot_simulator.world.orders import end_frame
from cuebot_simulator.world.plans import DependPlan, JobPlan, LayerPlan
from tests.simulator.desk import NOTHING_FOUND, UNCAUGHT, Desk

COMP = "demo-sh010-lena_comp_v003"
LIGHT = "demo-sh010-artist1_light_v012"
SMOKE = "demo-sh020-marco_smoke_v001"
ROTO = "northwind-ep02_031-artist1_roto_v001"
REFUSED = "com.imageworks.spcue.depend.DependException: {0}\n{0}"


def parts(desk: Desk, job: str, layer: str = "") -> Any:
    """A job or a layer on the farm itself."""
    found = desk.farm.pending[job]
    return next((each for each in desk.farm.layers_of(found) if each.name == layer), found)


def states(desk: Desk, job: str, layer: str) -> list[str]:
    """The states of a layer's frames, in order."""
    return [enum_name(frame, "state") for frame in desk.farm.frames_of(parts(desk, job, layer))]


def run(desk: Desk, frames: Sequence[Any], exit_status: int = 0) -> None:
    """Run frames to their end, whatever the dispatcher thinks."""
    for frame in frames:
        start_frame(desk.farm, frame, next(iter(desk.farm.hosts.values())))
        end_frame(desk.farm, frame, exit_status)


def small_job(desk: Desk, *layers: LayerPlan, name: str = "x", **values: Any) -> Any:
    """A paused job of these layers on the farm."""
    plan = JobPlan(
        show="demo", shot="sh1", user="me", name=name, layers=layers, paused=True, **values
    )
    return launch_job(desk.farm, plan)


def layer_plan(name: str, frames: Sequence[int], chunk: int = 1, text: str = "") -> LayerPlan:
    return LayerPlan(name=name, frames=tuple(frames), chunk=chunk, range=text)


def test_a_dependency_is_got_by_its_id(desk: Desk) -> None:
    """ManageDepend.getDepend catches Spring's exception: an unknown id is NOT_FOUND."""
    known = next(iter(desk.farm.depends.values()))
    assert desk("DependInterface/GetDepend", id=known.id).depend.depend_er_layer == "preview"
    assert desk.refusal("DependInterface/GetDepend", id="x") == ("NOT_FOUND", NOTHING_FOUND)


def test_satisfy_is_queued_and_lets_frames_start(desk: Desk) -> None:
    """ManageDepend.satisfy answers first; then the dependency is inactive and its frames wait."""
    desk.needs("job.Frame", "eligible_time")
    known = next(iter(desk.farm.depends.values()))
    desk("DependInterface/Satisfy", depend={"id": known.id})
    assert states(desk, COMP, "preview") == ["DEPEND"]
    desk.wait(0.5)
    assert states(desk, COMP, "preview") == ["WAITING"]
    assert not desk("DependInterface/GetDepend", id=known.id).depend.active
    (frame,) = desk.farm.frames_of(parts(desk, COMP, "preview"))
    assert given(frame, "eligible_time", desk.farm.now) == desk.farm.now
    assert desk.refusal("DependInterface/Satisfy", depend={"id": "x"}) == ("INTERNAL", UNCAUGHT)


def test_unsatisfy_holds_frames_back_again(desk: Desk) -> None:
    """DependManagerService.unsatisfyDepend knows frames on frames and layers on layers only."""
    known = next(iter(desk.farm.depends.values()))
    depends.satisfy(desk.farm, known)
    desk("DependInterface/Unsatisfy", depend={"id": known.id})
    assert states(desk, COMP, "preview") == ["DEPEND"]
    assert desk("DependInterface/GetDepend", id=known.id).depend.active
    desk("DependInterface/Unsatisfy", depend={"id": known.id})
    depends.satisfy(desk.farm, known)
    assert states(desk, COMP, "preview") == ["WAITING"]

    on_job = depends.add_depend(
        desk.farm, "LAYER_ON_JOB", parts(desk, COMP, "preview"), parts(desk, ROTO)
    )
    depends.satisfy(desk.farm, on_job)
    desk("DependInterface/Unsatisfy", depend={"id": on_job.id})
    assert not on_job.active
    assert states(desk, COMP, "preview") == ["WAITING"]


def test_a_frame_waits_as_long_as_anything_holds_it_back(desk: Desk) -> None:
    """Cuebot counts a frame's dependencies: the last of them to be satisfied lets it start."""
    preview = parts(desk, COMP, "preview")
    first = next(iter(desk.farm.depends.values()))
    second = depends.add_depend(desk.farm, "LAYER_ON_JOB", preview, parts(desk, ROTO))
    for _ in range(2):
        depends.satisfy(desk.farm, first)
        assert states(desk, COMP, "preview") == ["DEPEND"]
    depends.satisfy(desk.farm, second)
    assert states(desk, COMP, "preview") == ["WAITING"]


def test_a_new_dependency_holds_back_all_but_running_and_eaten_frames(desk: Desk) -> None:
    """Cuebot's database puts even dead and succeeded frames with a depend count into DEPEND."""
    beauty = parts(desk, LIGHT, "beauty")
    waiting = desk.farm.frames_of(beauty)[-1]
    desk("FrameInterface/Eat", frame={"id": waiting.id})
    desk.wait(0.5)
    depends.add_depend(desk.farm, "LAYER_ON_JOB", beauty, parts(desk, ROTO))
    found = states(desk, LIGHT, "beauty")
    assert {state: found.count(state) for state in found} == {
        "DEPEND": 15,
        "RUNNING": 4,
        "EATEN": 1,
    }


def test_a_running_frame_that_is_held_back_goes_to_depend(desk: Desk) -> None:
    """Whatever becomes of it: update_frame_wait_to_dep looks at the new state and the count."""
    job = small_job(desk, layer_plan("a", [1, 2]), layer_plan("b", [1, 2]))
    first, _ = desk.farm.layers_of(job)
    frame = desk.farm.frames_of(first)[0]
    start_frame(desk.farm, frame, next(iter(desk.farm.hosts.values())))
    depends.add_depend(desk.farm, "LAYER_ON_JOB", first, parts(desk, ROTO))
    assert states(desk, job.name, "a") == ["RUNNING", "DEPEND"]
    end_frame(desk.farm, frame, 0)
    assert states(desk, job.name, "a") == ["DEPEND", "DEPEND"]


def test_frame_by_frame_lets_each_frame_start_after_its_own(desk: Desk) -> None:
    """A FRAME_BY_FRAME has FRAME_ON_FRAME children, which count; itself it stays active."""
    sim = desk.farm.frames_of(parts(desk, SMOKE, "sim"))
    run(desk, sim[:2])
    assert states(desk, SMOKE, "mesh")[:3] == ["WAITING", "WAITING", "DEPEND"]
    parent = next(
        each for each in desk.farm.depends.values() if enum_name(each, "type") == "FRAME_BY_FRAME"
    )
    depends.satisfy(desk.farm, parent)
    assert states(desk, SMOKE, "mesh") == ["WAITING"] * 12
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
    """DependManagerService: the larger chunk that a frame is in, or all the smaller ones in it."""
    found = {number: list(Chunks(on[0]).needed(number, er[1], on[1])) for number in er[0]}
    assert {number: needed for number, needed in found.items() if needed} == pairs


def test_chunks_that_were_launched_backwards_are_found_too() -> None:
    """CueUtil.findChunk takes the place before the first one that is higher, in launch order."""
    chunks = Chunks((10, 7, 13, 4, 16))
    assert [chunks.place(number) for number in (4, 10, 11, 12, 14, 15, 99)] == [3, 0, 1, 1, 3, 3, 4]
    assert Chunks((10, 20, 5, 30)).place(15) == 0


def test_many_frames_that_wait_for_many_take_little_time(desk: Desk) -> None:
    """What a frame needs is found at once, however many there are."""
    numbers = range(1, 200_001)
    chunks = Chunks(numbers)
    assert all(list(chunks.needed(number, 1, 1)) == [number] for number in numbers)


@pytest.mark.parametrize("kind", ["FRAME_BY_FRAME", "PREVIOUS_FRAME", "LAYER_ON_SIM_FRAME"])
def test_too_many_at_once_are_refused(
    desk: Desk, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would take the simulated farm too long. Nothing of them is made."""
    monkeypatch.setattr(depends, "MOST_CHILDREN", 5)
    job = small_job(desk, layer_plan("a", range(1, 9)), layer_plan("b", range(1, 9)))
    er, on = desk.farm.layers_of(job)
    before = len(desk.farm.depends)
    end = desk.farm.frames_of(on)[0] if kind == "LAYER_ON_SIM_FRAME" else on
    with pytest.raises(Refusal, match="no more than 5 dependencies") as caught:
        depends.add_depend(desk.farm, kind, er, end)
    assert caught.value.code.name == "RESOURCE_EXHAUSTED"
    assert len(desk.farm.depends) == before


def test_a_frame_before_every_chunk_is_an_error(desk: Desk) -> None:
    """CueUtil.findChunk looks before the first chunk, and nobody catches what that throws."""
    job = small_job(desk, layer_plan("a", [1, 2]), layer_plan("b", [2, 4], chunk=2))
    with pytest.raises(Refusal, match="Index -1 out of bounds for length 2"):
        depends.add_depend(desk.farm, "FRAME_BY_FRAME", *desk.farm.layers_of(job))


def test_a_layer_of_one_chunk_waits_whole(desk: Desk) -> None:
    """Frame by frame on a layer whose one chunk holds all becomes LAYER_ON_LAYER."""
    job = small_job(desk, layer_plan("a", [1, 2]), layer_plan("b", [1], chunk=100))
    depend = depends.add_depend(desk.farm, "FRAME_BY_FRAME", *desk.farm.layers_of(job))
    assert enum_name(depend, "type") == "LAYER_ON_LAYER"
    assert desk.farm.drafts.keys() >= {layer.id for layer in desk.farm.layers_of(job)}


def test_frames_do_not_wait_for_another_jobs_tiles(desk: Desk) -> None:
    """An external FRAME_BY_FRAME on a layer with _tile_ in its name is not made: nothing to get."""
    tiles = desk.farm.layers_of(small_job(desk, layer_plan("beauty_tile_1", [1, 2])))[0]
    mesh = parts(desk, SMOKE, "mesh")
    found = desk.refusal(
        "LayerInterface/CreateFrameByFrameDependency",
        layer={"id": mesh.id},
        depend_layer={"id": tiles.id},
    )
    assert found == ("INTERNAL", UNCAUGHT)


def test_previous_frame(desk: Desk) -> None:
    """PREVIOUS_FRAME: each frame but the first waits for the one before it, also in one layer."""
    job = small_job(
        desk,
        layer_plan("a", [1, 2, 3], text="1-3"),
        depends=(DependPlan(kind="PREVIOUS_FRAME", layer="a", on_layer="a"),),
    )
    assert states(desk, job.name, "a") == ["WAITING", "DEPEND", "DEPEND"]
    run(desk, desk.farm.frames_of(job)[:1])
    assert states(desk, job.name, "a") == ["SUCCEEDED", "WAITING", "DEPEND"]
    kinds = [enum_name(each, "type") for each in depends.dependencies_of(desk.farm, job)]
    assert kinds == []


def test_layer_on_sim_frame(desk: Desk) -> None:
    """LAYER_ON_SIM_FRAME makes a FRAME_ON_FRAME for each frame of the layer, and nothing else."""
    job = small_job(
        desk,
        layer_plan("a", [1, 2]),
        layer_plan("sim", [1]),
        depends=(
            DependPlan(kind="LAYER_ON_SIM_FRAME", layer="a", on_layer="sim", on_frame="0001-sim"),
        ),
    )
    first, sim = desk.farm.layers_of(job)
    kinds = [enum_name(each, "type") for each in depends.dependencies_of(desk.farm, first)]
    assert kinds == ["FRAME_ON_FRAME"] * 2
    run(desk, desk.farm.frames_of(sim))
    assert states(desk, job.name, "a") == ["WAITING", "WAITING"]


def test_any_frame_is_satisfied_by_the_first(desk: Desk) -> None:
    """A LAYER_ON_LAYER with any_frame needs one frame of the other layer; without, all of it."""
    job = small_job(
        desk,
        layer_plan("a", [1, 2]),
        layer_plan("b", [1]),
        layer_plan("c", [1]),
        depends=(
            DependPlan(kind="LAYER_ON_LAYER", layer="b", on_layer="a", any_frame=True),
            DependPlan(kind="LAYER_ON_LAYER", layer="c", on_layer="a"),
        ),
    )
    frames = desk.farm.frames_of(desk.farm.layers_of(job)[0])
    run(desk, frames[1:])
    assert (states(desk, job.name, "b"), states(desk, job.name, "c")) == (["WAITING"], ["DEPEND"])
    run(desk, frames[:1])
    assert states(desk, job.name, "c") == ["WAITING"]


@pytest.mark.parametrize("kind", ["JOB_ON_JOB", "LAYER_ON_JOB", "FRAME_ON_JOB"])
@pytest.mark.parametrize("ends", ["killed", "done"])
def test_a_job_that_ends_in_any_way_is_waited_for_no_more(desk: Desk, kind: str, ends: str) -> None:
    """JobManagerSupport.shutdownJob satisfies what depends on the job, killed or finished."""
    other = small_job(desk, layer_plan("b", [1]), name="other")
    job = small_job(desk, layer_plan("a", [1]))
    layer = desk.farm.layers_of(job)[0]
    er = {"JOB": job, "LAYER": layer, "FRAME": desk.farm.frames_of(layer)[0]}[kind.split("_")[0]]
    depend = depends.add_depend(desk.farm, kind, er, other)
    assert enum_name(depend, "target") == "EXTERNAL"
    assert states(desk, job.name, "a") == ["DEPEND"]
    if ends == "done":
        run(desk, desk.farm.frames_of(other))
    else:
        finish_job(desk.farm, other)
    assert states(desk, job.name, "a") == ["WAITING"]


@pytest.mark.parametrize("kind", ["JOB_ON_LAYER", "LAYER_ON_LAYER", "FRAME_ON_LAYER"])
def test_eaten_frames_satisfy_nothing(desk: Desk, kind: str) -> None:
    """depend.satisfy_only_on_frame_success: eating leaves waiting what waits, marking done not."""
    other = small_job(desk, layer_plan("b", [1, 2]), name="other")
    job = small_job(desk, layer_plan("a", [1]))
    on, layer = desk.farm.layers_of(other)[0], desk.farm.layers_of(job)[0]
    er = {"JOB": job, "LAYER": layer, "FRAME": desk.farm.frames_of(layer)[0]}[kind.split("_")[0]]
    depends.add_depend(desk.farm, kind, er, on)
    desk("LayerInterface/EatFrames", layer={"id": on.id})
    desk.wait(0.5)
    assert states(desk, job.name, "a") == ["DEPEND"]
    desk("LayerInterface/MarkdoneFrames", layer={"id": on.id})
    desk.wait(0.5)
    assert states(desk, job.name, "a") == ["WAITING"]


def test_the_last_success_satisfies_the_layer_whatever_was_eaten(desk: Desk) -> None:
    """FrameCompleteHandler: a success asks whether the layer is complete, eaten frames included."""
    job = small_job(
        desk,
        layer_plan("a", [1, 2]),
        layer_plan("b", [1]),
        depends=(DependPlan(kind="LAYER_ON_LAYER", layer="b", on_layer="a"),),
    )
    first = desk.farm.frames_of(desk.farm.layers_of(job)[0])
    desk("FrameInterface/Eat", frame={"id": first[0].id})
    desk.wait(0.5)
    run(desk, first[1:])
    assert states(desk, job.name, "b") == ["WAITING"]


def test_what_is_done_already_holds_nothing_back(desk: Desk) -> None:
    """On a complete layer or frame, DependManagerService makes an inactive dependency."""
    shadow = parts(desk, LIGHT, "shadow")
    roto = parts(desk, ROTO, "roto")
    on_layer = depends.add_depend(desk.farm, "LAYER_ON_LAYER", roto, shadow)
    on_frame = depends.add_depend(desk.farm, "LAYER_ON_FRAME", roto, desk.farm.frames_of(shadow)[0])
    assert not on_layer.active
    assert not on_frame.active
    assert states(desk, ROTO, "roto") == ["WAITING"] * 10


def test_what_cannot_wait_is_refused(desk: Desk) -> None:
    """The DependException of OpenCue's depend classes and of DependManagerService."""
    farm = desk.farm
    job, comp = parts(desk, COMP), parts(desk, COMP, "comp")
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
        (
            "FRAME_ON_LAYER",
            frame,
            comp,
            f"The frame {frame.name} cannot depend  on its own layer.",
        ),
        ("JOB_ON_JOB", job, done, "The job you are depending on is already complete."),
    ]
    known = len(farm.depends)
    for kind, er, on, text in refusals:
        with pytest.raises(Refusal) as caught:
            depends.add_depend(farm, kind, er, on)
        assert str(caught.value) == REFUSED.format(text)
    assert len(farm.depends) == known


def test_a_second_dependency_of_the_same_kind_is_refused(desk: Desk) -> None:
    """depend.str_signature is unique as long as a dependency was never satisfied."""
    preview, comp = parts(desk, COMP, "preview"), parts(desk, COMP, "comp")
    with pytest.raises(Refusal, match="DuplicateKeyException"):
        depends.add_depend(desk.farm, "LAYER_ON_LAYER", preview, comp)
    mesh, sim = parts(desk, SMOKE, "mesh"), parts(desk, SMOKE, "sim")
    known = len(desk.farm.depends)
    again = depends.add_depend(desk.farm, "FRAME_BY_FRAME", mesh, sim)
    assert enum_name(again, "type") == "FRAME_BY_FRAME"
    assert len(desk.farm.depends) == known
    depends.satisfy_on(desk.farm, comp)
    assert depends.add_depend(desk.farm, "LAYER_ON_LAYER", preview, comp).active


def test_what_a_job_depends_on_and_what_on_it(desk: Desk) -> None:
    """WhiteboardDaoJdbc: a job's own kinds one way, all without a parent the other way."""
    farm = desk.farm
    smoke, roto = parts(desk, SMOKE), parts(desk, ROTO)
    mesh, sim = parts(desk, SMOKE, "mesh"), parts(desk, SMOKE, "sim")
    on_roto = depends.add_depend(farm, "JOB_ON_JOB", smoke, roto)
    of_mesh = depends.add_depend(farm, "LAYER_ON_JOB", mesh, roto)
    frame = farm.frames_of(mesh)[0]
    assert depends.dependencies_of(farm, smoke) == [on_roto]
    assert depends.depends_on(farm, roto) == [on_roto, of_mesh]
    assert [enum_name(each, "type") for each in depends.depends_on(farm, smoke)] == [
        "FRAME_BY_FRAME"
    ]
    assert depends.depends_on(farm, sim) == depends.depends_on(farm, smoke)
    assert [enum_name(each, "type") for each in depends.dependencies_of(farm, mesh)] == [
        "FRAME_BY_FRAME",
        "LAYER_ON_JOB",
    ]
    assert [enum_name(each, "type") for each in depends.dependencies_of(farm, frame)] == [
        "JOB_ON_JOB",
        "LAYER_ON_JOB",
        "FRAME_ON_FRAME",
    ]
    assert [enum_name(each, "type") for each in depends.all_depends(farm, smoke)] == [
        "JOB_ON_JOB",
        "FRAME_BY_FRAME",
        "LAYER_ON_JOB",
    ]


def test_a_jobs_dependencies_are_dropped_by_target(desk: Desk) -> None:
    """DispatchDropDepends of a job: those of its layers too, and of the wanted target only."""
    farm, smoke = desk.farm, parts(desk, SMOKE)
    on_roto = depends.add_depend(farm, "JOB_ON_JOB", smoke, parts(desk, ROTO))
    depends.drop_depends(farm, smoke, "INTERNAL")
    assert states(desk, SMOKE, "mesh") == ["DEPEND"] * 12
    assert on_roto.active
    depends.drop_depends(farm, smoke, "EXTERNAL")
    assert states(desk, SMOKE, "mesh") == ["WAITING"] * 12
    assert states(desk, SMOKE, "sim") == ["WAITING"] * 12


def test_a_large_farm_makes_no_frames_for_its_dependencies(desk: Desk) -> None:
    """A layer that waits for a layer stays a draft; its first frames have no eligible time yet."""
    desk.needs("job.Frame", "eligible_time")
    job = small_job(
        desk,
        layer_plan("a", [1, 2]),
        layer_plan("b", [1]),
        depends=(DependPlan(kind="LAYER_ON_LAYER", layer="b", on_layer="a"),),
    )
    second = desk.farm.layers_of(job)[1]
    assert second.id in desk.farm.drafts
    assert desk.farm.tallies[second.id].states["DEPEND"] == 1
    (frame,) = desk.farm.frames_of(second)
    assert (enum_name(frame, "state"), given(frame, "eligible_time", 0)) == ("DEPEND", 0)
