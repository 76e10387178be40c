"""job.LayerInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.frame_actions import end_frame
from cuebot_simulator.world.messages import enum_name
from tests.simulator.in_process import COMP, LIGHT, ROTO, SMOKE, Cuebot

FIRST, LAST, REVERSE = 0, 1, 2
MB = 1024


def seen(cuebot: Cuebot, layer: Any) -> Any:
    return cuebot("LayerInterface/GetLayer", id=layer.id).layer


def stats(cuebot: Cuebot, layer: Any) -> Any:
    return seen(cuebot, layer).layer_stats


def urgent_layer(cuebot: Cuebot) -> Any:
    """A layer whose frames all wait, and are the first to start."""
    cuebot("JobInterface/SetPriority", job=cuebot.job(ROTO), val=1000)
    return cuebot.layer(ROTO, "roto")


def numbers(cuebot: Cuebot, layer: Any) -> list[int]:
    """The numbers of a layer's frames, in dispatch order."""
    found = cuebot("LayerInterface/GetFrames", layer=layer, s={"limit": 100})
    return [frame.number for frame in found.frames.frames]


def test_a_layers_frames_are_searched(cuebot: Cuebot) -> None:
    layer = cuebot.layer(LIGHT, "beauty")
    wanted = {"limit": 100, "states": {"frame_states": [5]}}
    found = cuebot("LayerInterface/GetFrames", layer=layer, s=wanted).frames.frames
    assert {frame.layer_name for frame in found} == {"beauty"}
    assert len(found) == 2
    assert not cuebot("LayerInterface/GetFrames", layer=layer).frames.frames


def test_a_layers_frames_are_killed_eaten_and_retried(cuebot: Cuebot) -> None:
    layer = cuebot.layer(LIGHT, "beauty")
    cuebot("LayerInterface/KillFrames", layer=layer, reason="test")
    assert stats(cuebot, layer).running_frames == 4
    cuebot.wait(0.5)
    assert (stats(cuebot, layer).running_frames, stats(cuebot, layer).waiting_frames) == (0, 8)
    cuebot("LayerInterface/RetryFrames", layer=layer)
    cuebot.wait(0.5)
    assert stats(cuebot, layer).waiting_frames == 20
    assert stats(cuebot, cuebot.layer(LIGHT, "shadow")).succeeded_frames == 20
    cuebot("LayerInterface/EatFrames", layer=layer)
    cuebot.wait(0.5)
    assert stats(cuebot, layer).eaten_frames == 20
    assert enum_name(cuebot.job(LIGHT), "state") == "FINISHED"


def test_cores_are_rounded(cuebot: Cuebot) -> None:
    layer = cuebot.layer(COMP, "comp")
    shown = {"id": layer.id}
    for asked, kept in ((1.557, 1.55), (0.1, 0.1), (0.09, 1.0)):
        cuebot("LayerInterface/SetMinCores", layer=shown, cores=asked)
        assert seen(cuebot, layer).min_cores == pytest.approx(kept)
    for asked, kept in ((6.75, 6.0), (0.0, 0.0), (-1.0, -1.0)):
        cuebot("LayerInterface/SetMaxCores", layer=shown, cores=asked)
        assert seen(cuebot, layer).max_cores == kept


def test_memory_and_gpus_are_set(cuebot: Cuebot) -> None:
    layer = cuebot.layer(COMP, "comp")
    shown = {"id": layer.id}
    cuebot("LayerInterface/SetMinMemory", layer=shown, memory=1000 * MB)
    assert seen(cuebot, layer).min_memory == 1000 * MB
    cuebot("LayerInterface/SetMinMemory", layer=shown, memory=5)
    assert seen(cuebot, layer).min_memory == 256 * MB
    cuebot("LayerInterface/SetMinGpus", layer=shown, min_gpus=1)
    cuebot("LayerInterface/SetMaxGpus", layer=shown, max_gpus=2)
    cuebot("LayerInterface/SetMinGpuMemory", layer=shown, gpu_memory=3)
    now = seen(cuebot, layer)
    assert (now.min_gpus, now.max_gpus, now.min_gpu_memory) == (1, 2, 3)


def test_the_next_frames_take_what_was_set(cuebot: Cuebot) -> None:
    layer = urgent_layer(cuebot)
    cuebot("LayerInterface/SetMinCores", layer=layer, cores=3)
    cuebot("LayerInterface/SetMinMemory", layer=layer, memory=300 * MB)
    cuebot.wait(10)
    procs = [each for each in cuebot.farm.procs.values() if each.job_name == ROTO]
    assert {(each.reserved_cores, each.reserved_memory) for each in procs} == {(3, 300 * MB)}


def test_plain_settings(cuebot: Cuebot) -> None:
    layer = cuebot.layer(COMP, "comp")
    shown = {"id": layer.id}
    cuebot("LayerInterface/SetThreadable", layer=shown, threadable=False)
    cuebot("LayerInterface/SetTimeout", layer=shown, timeout=90)
    cuebot("LayerInterface/SetTimeoutLLU", layer=shown, timeout_llu=30)
    cuebot("LayerInterface/EnableMemoryOptimizer", layer=shown, value=False)
    cuebot("LayerInterface/SetDispatchOrder", layer=shown, order=7)
    now = seen(cuebot, layer)
    assert (now.is_threadable, now.memory_optimizer_enabled) == (False, False)
    assert (now.timeout, now.timeout_llu, now.dispatch_order) == (90, 30, 7)
    layers = cuebot("JobInterface/GetLayers", job=cuebot.job(COMP)).layers.layers
    assert [each.name for each in layers] == ["preview", "comp"]


@pytest.mark.parametrize(("optimized", "left"), [(True, 1256 * MB), (False, 8192 * MB)])
def test_the_memory_optimizer_saves_memory(cuebot: Cuebot, optimized: bool, left: int) -> None:
    layer = cuebot.farm.layers[cuebot.layer("northwind-ep02_030-priya_comp_v002", "comp").id]
    cuebot("LayerInterface/EnableMemoryOptimizer", layer=layer, value=optimized)
    frame = next(
        each for each in cuebot.farm.frames_of(layer) if enum_name(each, "state") == "RUNNING"
    )
    frame.max_rss = 1000 * MB
    end_frame(cuebot.farm, frame, 0)
    assert seen(cuebot, layer).min_memory == left


def test_a_layer_starts_after_a_time(cuebot: Cuebot) -> None:
    layer = urgent_layer(cuebot)
    shown = {"id": layer.id}
    cuebot(
        "LayerInterface/SetStartAfter", layer=shown, start_after=cuebot.farm.now + 60, username="me"
    )
    now = seen(cuebot, layer)
    assert (now.start_after, now.start_after_reason) == (cuebot.farm.now + 60, "Set by me")
    cuebot.wait(50)
    assert stats(cuebot, layer).waiting_frames == 10
    cuebot("LayerInterface/SetStartAfter", layer=shown, start_after=cuebot.farm.now + 5)
    assert seen(cuebot, layer).start_after_reason == "Set by unknown"
    cuebot("LayerInterface/SetStartAfter", layer=shown, start_after=0)
    now = seen(cuebot, layer)
    assert (now.start_after, now.start_after_reason) == (0, "")
    cuebot.wait(6)
    assert stats(cuebot, layer).waiting_frames < 10


def test_limits_are_added_and_dropped_by_id(cuebot: Cuebot) -> None:
    limit = cuebot("LimitInterface/Find", name="arnold").limit
    layer = cuebot.layer(COMP, "comp")
    before = cuebot.farm.running_with["arnold"]
    for times in (1, 2):
        cuebot("LayerInterface/AddLimit", layer=layer, limit_id=limit.id)
        assert sorted(seen(cuebot, layer).limits) == [*["arnold"] * times, "nuke_render"]
        assert cuebot.farm.running_with["arnold"] == before + 3
    found = cuebot("LayerInterface/GetLimits", layer=layer).limits
    assert sorted(each.name for each in found) == ["arnold", "nuke_render"]
    for _ in range(2):
        cuebot("LayerInterface/DropLimit", layer=layer, limit_id=limit.id)
        assert list(seen(cuebot, layer).limits) == ["nuke_render"]
        assert cuebot.farm.running_with["arnold"] == before
    cuebot("LayerInterface/AddLimit", layer=layer, limit_id="x")
    assert list(seen(cuebot, layer).limits) == ["nuke_render"]


def test_output_paths_are_kept_in_order(cuebot: Cuebot) -> None:
    layer = {"id": cuebot.layer(COMP, "comp").id}
    for spec in ("/b/x.####.exr", "/a/x.####.exr"):
        cuebot("LayerInterface/RegisterOutputPath", layer=layer, spec=spec)
    paths = cuebot("LayerInterface/GetOutputPaths", layer=layer).output_paths
    assert list(paths) == ["/b/x.####.exr", "/a/x.####.exr"]


def test_frames_are_reordered(cuebot: Cuebot) -> None:
    layer = cuebot.layer(ROTO, "roto")
    cuebot("LayerInterface/ReorderFrames", layer=layer, range="1009,1005", order=FIRST)
    assert numbers(cuebot, layer)[:2] == [1001, 1002]
    cuebot.wait(0.5)
    assert numbers(cuebot, layer)[:3] == [1009, 1005, 1001]
    cuebot("LayerInterface/ReorderFrames", layer=layer, range="1001-1003", order=REVERSE)
    cuebot.wait(0.5)
    assert numbers(cuebot, layer)[:5] == [1009, 1005, 1003, 1002, 1001]
    text = "unrecognized frame range syntax a-b"
    assert cuebot.refusal("LayerInterface/ReorderFrames", layer=layer, range="a-b") == (
        "INTERNAL",
        f"java.lang.IllegalArgumentException: {text}\n{text}",
    )


def test_a_layer_waits_for_a_frame_a_layer_and_a_job(cuebot: Cuebot) -> None:
    layer, comp = cuebot.layer(ROTO, "roto"), cuebot.layer(COMP, "comp")
    shown, other = {"id": layer.id}, {"id": comp.id}
    frame = cuebot.frames(COMP, "WAITING")[0]
    made = [
        cuebot("LayerInterface/CreateDependencyOnFrame", layer=shown, frame=frame),
        cuebot("LayerInterface/CreateDependencyOnLayer", layer=shown, depend_on_layer=comp),
        cuebot("LayerInterface/CreateDependencyOnJob", layer=shown, job=cuebot.job(COMP)),
    ]
    assert [(enum_name(each.depend, "type"), each.depend.active) for each in made] == [
        ("LAYER_ON_FRAME", True),
        ("LAYER_ON_LAYER", True),
        ("LAYER_ON_JOB", True),
    ]
    assert stats(cuebot, layer).depend_frames == 10
    found = cuebot("LayerInterface/GetWhatThisDependsOn", layer=shown).depends.depends
    assert list(found) == [each.depend for each in made]
    back = cuebot("LayerInterface/GetWhatDependsOnThis", layer=other).depends.depends
    assert {enum_name(each, "type") for each in back} == {"LAYER_ON_FRAME", "LAYER_ON_LAYER"}

    cuebot("LayerInterface/DropDepends", layer=shown, target=0)
    cuebot.wait(0.5)
    assert stats(cuebot, layer).depend_frames == 10
    cuebot("LayerInterface/DropDepends", layer=shown, target=2)
    cuebot.wait(0.5)
    assert stats(cuebot, layer).waiting_frames == 10
    again = cuebot("LayerInterface/GetWhatThisDependsOn", layer=shown).depends.depends
    assert [each.active for each in again] == [False] * 3


def test_a_layer_waits_frame_by_frame(cuebot: Cuebot) -> None:
    layer, comp = cuebot.layer(ROTO, "roto"), cuebot.layer(COMP, "comp")
    made = cuebot(
        "LayerInterface/CreateFrameByFrameDependency",
        layer=layer,
        depend_layer=comp,
        any_frame=True,
    ).depend
    assert (enum_name(made, "type"), made.any_frame) == ("FRAME_BY_FRAME", False)
    done = stats(cuebot, comp).succeeded_frames
    assert stats(cuebot, layer).depend_frames == 10 - done


def test_marking_a_layer_done_lets_go_what_waits_for_the_layer(cuebot: Cuebot) -> None:
    comp, sim = cuebot.layer(COMP, "comp"), cuebot.layer(SMOKE, "sim")
    for layer in (comp, sim):
        cuebot("LayerInterface/MarkdoneFrames", layer=layer)
    cuebot.wait(0.5)
    assert stats(cuebot, cuebot.layer(COMP, "preview")).waiting_frames == 1
    assert stats(cuebot, cuebot.layer(SMOKE, "mesh")).depend_frames == 12
    assert stats(cuebot, comp) == comp.layer_stats
