"""job.LayerInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.frame_actions import end_frame
from cuebot_simulator.world.messages import enum_name
from cuebot_simulator.world.studio_data import LONG
from tests.simulator.in_process import COMP, ROTO, SMOKE, Cuebot

MB = 1024


def seen(cuebot: Cuebot, layer: Any) -> Any:
    return cuebot("LayerInterface/GetLayer", id=layer.id).layer


def stats(cuebot: Cuebot, layer: Any) -> Any:
    return seen(cuebot, layer).layer_stats


def urgent_layer(cuebot: Cuebot) -> Any:
    """A layer whose frames all wait, and are the first to start."""
    cuebot("JobInterface/SetPriority", job=cuebot.job(ROTO), val=1000)
    return cuebot.layer(ROTO, "roto")


def test_cores_are_rounded(cuebot: Cuebot) -> None:
    layer = cuebot.layer(COMP, "comp")
    shown = {"id": layer.id}
    for asked, kept in ((1.557, 1.55), (0.1, 0.1), (0.09, 1.0)):
        cuebot("LayerInterface/SetMinCores", layer=shown, cores=asked)
        assert seen(cuebot, layer).min_cores == pytest.approx(kept)
    for asked, kept in ((6.75, 6.0), (0.0, 0.0), (-1.0, -1.0)):
        cuebot("LayerInterface/SetMaxCores", layer=shown, cores=asked)
        assert seen(cuebot, layer).max_cores == kept


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
    cuebot.wait(LONG[1])  # until there is room
    assert stats(cuebot, layer).waiting_frames < 10


def test_marking_a_layer_done_lets_go_what_waits_for_the_layer(cuebot: Cuebot) -> None:
    comp, sim = cuebot.layer(COMP, "comp"), cuebot.layer(SMOKE, "sim")
    for layer in (comp, sim):
        cuebot("LayerInterface/MarkdoneFrames", layer=layer)
    cuebot.wait(0.5)
    assert stats(cuebot, cuebot.layer(COMP, "preview")).waiting_frames == 1
    assert stats(cuebot, cuebot.layer(SMOKE, "mesh")).depend_frames == 12
    assert stats(cuebot, comp) == comp.layer_stats
