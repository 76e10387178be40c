"""job.FrameInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.frame_actions import end_frame
from cuebot_simulator.world.frames import start_frame
from cuebot_simulator.world.messages import enum_name
from tests.simulator.in_process import COMP, ROTO, SMOKE, Cuebot

DISABLED, ENABLED, COPYING, COMPLETE = 0, 1, 2, 3


def a_frame(cuebot: Cuebot, state: str, job: str = COMP) -> Any:
    """The first frame of a job in a state."""
    return cuebot.frames(job, state)[0]


def seen(cuebot: Cuebot, frame: Any) -> Any:
    return cuebot("FrameInterface/GetFrame", id=frame.id).frame


def state(cuebot: Cuebot, frame: Any) -> str:
    return enum_name(seen(cuebot, frame), "state")


def start(cuebot: Cuebot, frame: Any) -> Any:
    """Run a frame, whatever the dispatcher thinks."""
    there = cuebot.farm.frames[frame.id]
    start_frame(cuebot.farm, there, next(iter(cuebot.farm.hosts.values())))
    return there


def test_a_frame_is_dead_when_its_tries_are_used_up(cuebot: Cuebot) -> None:
    frame = start(cuebot, a_frame(cuebot, "WAITING", ROTO))
    end_frame(cuebot.farm, frame, 1)
    assert (state(cuebot, frame), frame.retry_count) == ("WAITING", 0)
    start(cuebot, frame)
    assert frame.retry_count == 1
    end_frame(cuebot.farm, frame, 1)
    assert state(cuebot, frame) == "DEAD"


@pytest.mark.parametrize(("exit_status", "counted"), [(1, 1), (0, 1), (500, 1), (299, 0), (286, 0)])
def test_which_tries_count(cuebot: Cuebot, exit_status: int, counted: int) -> None:
    frame = cuebot.farm.frames[a_frame(cuebot, "WAITING", ROTO).id]
    frame.exit_status = exit_status
    start(cuebot, frame)
    assert frame.retry_count == counted


def test_a_frame_is_eaten(cuebot: Cuebot) -> None:
    running, done = a_frame(cuebot, "RUNNING"), a_frame(cuebot, "SUCCEEDED")
    depending = a_frame(cuebot, "DEPEND")
    for frame in (running, done, depending):
        cuebot("FrameInterface/Eat", frame=frame)
    cuebot.wait(0.5)
    assert (state(cuebot, running), seen(cuebot, running).exit_status) == ("EATEN", 506)
    assert (state(cuebot, done), state(cuebot, depending)) == ("SUCCEEDED", "EATEN")


def test_a_retried_frame_waits_again_and_holds_back_what_waited_for_it(cuebot: Cuebot) -> None:
    sim = cuebot("FrameInterface/FindFrame", job=SMOKE, layer="sim", frame=1001).frame
    mesh = cuebot("FrameInterface/FindFrame", job=SMOKE, layer="mesh", frame=1001).frame
    end_frame(cuebot.farm, start(cuebot, sim), 0)
    assert (state(cuebot, sim), state(cuebot, mesh)) == ("SUCCEEDED", "WAITING")
    end_frame(cuebot.farm, start(cuebot, mesh), 0)
    cuebot("FrameInterface/Retry", frame=sim)
    cuebot.wait(0.5)
    assert (state(cuebot, sim), state(cuebot, mesh)) == ("WAITING", "DEPEND")
    cuebot("FrameInterface/Retry", frame=mesh)
    cuebot.wait(0.5)
    assert state(cuebot, mesh) == "DEPEND"
    end_frame(cuebot.farm, start(cuebot, sim), 0)
    assert state(cuebot, mesh) == "WAITING"


def test_a_retried_frame_of_a_layer_holds_back_the_layers_that_waited(cuebot: Cuebot) -> None:
    preview, comp = a_frame(cuebot, "DEPEND"), a_frame(cuebot, "SUCCEEDED")
    cuebot("LayerInterface/MarkdoneFrames", layer=cuebot.layer(COMP, "comp"))
    cuebot("JobInterface/Kill", job=cuebot.job(COMP), reason="test")
    cuebot.wait(5)
    assert state(cuebot, preview) == "WAITING"
    assert enum_name(cuebot.job(COMP), "state") == "FINISHED"
    cuebot("FrameInterface/Retry", frame=comp)
    cuebot.wait(0.5)
    assert state(cuebot, preview) == "DEPEND"
    assert enum_name(cuebot.job(COMP), "state") == "PENDING"


def test_a_frame_is_marked_as_waiting_and_as_depending(cuebot: Cuebot) -> None:
    frame, done = a_frame(cuebot, "DEPEND"), a_frame(cuebot, "SUCCEEDED")
    cuebot("FrameInterface/MarkAsWaiting", frame=frame)
    assert state(cuebot, frame) == "WAITING"
    known = cuebot("FrameInterface/GetWhatThisDependsOn", frame=frame).depends.depends
    assert [each.active for each in known] == [True]
    cuebot("FrameInterface/MarkAsDepend", frame=frame)
    assert state(cuebot, frame) == "DEPEND"
    for method in ("MarkAsWaiting", "MarkAsDepend"):
        cuebot(f"FrameInterface/{method}", frame=done)
        assert state(cuebot, done) == "SUCCEEDED"
    free = a_frame(cuebot, "WAITING", ROTO)
    cuebot("FrameInterface/MarkAsDepend", frame=free)
    assert state(cuebot, free) == "WAITING"


def test_a_frame_pauses_for_its_checkpoint(cuebot: Cuebot) -> None:
    frame = a_frame(cuebot, "RUNNING")
    shown = {"id": frame.id}
    cuebot("FrameInterface/SetCheckpointState", frame=shown, state=ENABLED)
    cuebot("FrameInterface/Kill", frame=shown)
    cuebot.wait(0.5)
    assert state(cuebot, frame) == "CHECKPOINT"
    cuebot("FrameInterface/SetCheckpointState", frame=shown, state=COPYING)
    assert state(cuebot, frame) == "CHECKPOINT"
    cuebot("FrameInterface/SetCheckpointState", frame=shown, state=COMPLETE)
    now = seen(cuebot, frame)
    assert (enum_name(now, "state"), enum_name(now, "checkpoint_state")) == ("WAITING", "COMPLETE")
    assert now.checkpoint_count == 1
    cuebot("FrameInterface/SetCheckpointState", frame=shown, state=COMPLETE)
    assert seen(cuebot, frame).checkpoint_count == 1
    cuebot("FrameInterface/SetCheckpointState", frame=shown, state=DISABLED)
    assert enum_name(seen(cuebot, frame), "checkpoint_state") == "DISABLED"
