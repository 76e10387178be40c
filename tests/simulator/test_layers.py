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


def test_the_next_frames_take_what_was_set(cuebot: Cuebot) -> None:
    layer = urgent_layer(cuebot)
    cuebot("LayerInterface/SetMinCores", layer=layer, cores=3)
    cuebot("LayerInterface/SetMinMemory", layer=layer, memory=300 * MB)
    cuebot.wait(10)
    procs = [each for each in cuebot.farm.procs.values() if each.job_name == ROTO]
    assert {(each.reserved_cores, each.reserved_memory) for each in procs} == {(3, 300 * MB)}


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


def test_marking_a_layer_done_lets_go_what_waits_for_the_layer(cuebot: Cuebot) -> None:
    comp, sim = cuebot.layer(COMP, "comp"), cuebot.layer(SMOKE, "sim")
    for layer in (comp, sim):
        cuebot("LayerInterface/MarkdoneFrames", layer=layer)
    cuebot.wait(0.5)
    assert stats(cuebot, cuebot.layer(COMP, "preview")).waiting_frames == 1
    assert stats(cuebot, cuebot.layer(SMOKE, "mesh")).depend_frames == 12
    assert stats(cuebot, comp) == comp.layer_stats
