"""job.FrameInterface."""

from typing import Any

import pytest

from cuebot_simulator.services import frames as interface
from cuebot_simulator.world.frames import start_frame
from cuebot_simulator.world.messages import enum_name
from cuebot_simulator.world.orders import end_frame
from tests.simulator.desk import UNCAUGHT, Desk

COMP = "demo-sh010-lena_comp_v003"
LIGHT = "demo-sh010-artist1_light_v012"
SMOKE = "demo-sh020-marco_smoke_v001"
ROTO = "northwind-ep02_031-artist1_roto_v001"
DISABLED, ENABLED, COPYING, COMPLETE = 0, 1, 2, 3


def a_frame(desk: Desk, state: str, job: str = COMP) -> Any:
    """The first frame of a job in a state."""
    return desk.frames(job, state)[0]


def seen(desk: Desk, frame: Any) -> Any:
    return desk("FrameInterface/GetFrame", id=frame.id).frame


def state(desk: Desk, frame: Any) -> str:
    return enum_name(seen(desk, frame), "state")


def start(desk: Desk, frame: Any) -> Any:
    """Run a frame, whatever the dispatcher thinks."""
    there = desk.farm.frames[frame.id]
    start_frame(desk.farm, there, next(iter(desk.farm.hosts.values())))
    return there


def test_frames_are_found(desk: Desk) -> None:
    """ManageFrame.findFrame takes names and a number; getFrames a job's name."""
    found = desk("FrameInterface/FindFrame", job=COMP, layer="comp", frame=1003).frame
    assert found.name == "1003-comp"
    frames = desk("FrameInterface/GetFrames", job=COMP, r={"limit": 5}).frames.frames
    assert len(frames) == 5


def test_a_killed_frame_fails(desk: Desk) -> None:
    """A signal ends the process with status 1, and the frame waits for its next try."""
    frame = a_frame(desk, "RUNNING")
    desk("FrameInterface/Kill", frame={"id": frame.id})
    assert state(desk, frame) == "RUNNING"
    desk.wait(0.5)
    assert (state(desk, frame), seen(desk, frame).exit_status) == ("WAITING", 1)


def test_a_frame_is_dead_when_its_tries_are_used_up(desk: Desk) -> None:
    """A failed try counts when the next one starts; with one retry, the second failure is dead."""
    frame = start(desk, a_frame(desk, "WAITING", ROTO))
    end_frame(desk.farm, frame, 1)
    assert (state(desk, frame), frame.retry_count) == ("WAITING", 0)
    start(desk, frame)
    assert frame.retry_count == 1
    end_frame(desk.farm, frame, 1)
    assert state(desk, frame) == "DEAD"


@pytest.mark.parametrize(("exit_status", "counted"), [(1, 1), (0, 1), (500, 1), (299, 0), (286, 0)])
def test_which_tries_count(desk: Desk, exit_status: int, counted: int) -> None:
    """FrameDaoJdbc leaves out failures that are not the frame's; a manual retry is none of them."""
    frame = desk.farm.frames[a_frame(desk, "WAITING", ROTO).id]
    frame.exit_status = exit_status
    start(desk, frame)
    assert frame.retry_count == counted


def test_a_job_that_eats_does_so_at_the_first_failure(desk: Desk) -> None:
    """FrameCompleteHandler asks for auto-eat before it counts tries, and satisfies nothing then."""
    frame = start(desk, a_frame(desk, "WAITING", ROTO))
    other = a_frame(desk, "WAITING", ROTO)
    desk(
        "FrameInterface/CreateDependencyOnFrame",
        frame={"id": other.id},
        depend_on_frame={"id": frame.id},
    )
    desk.farm.pending[ROTO].auto_eat = True
    end_frame(desk.farm, frame, 1)
    assert (state(desk, frame), state(desk, other)) == ("EATEN", "DEPEND")


@pytest.mark.parametrize(("timeout", "seconds", "left"), [(1, 61, "DEAD"), (1, 60, "WAITING")])
def test_a_try_beyond_the_timeout_is_the_last(
    desk: Desk, timeout: int, seconds: int, left: str
) -> None:
    """FrameCompleteHandler: a frame that fails after its layer's timeout in minutes is dead."""
    frame = start(desk, a_frame(desk, "WAITING", ROTO))
    desk.farm.layer_of(frame).timeout = timeout
    frame.start_time = desk.farm.now - seconds
    end_frame(desk.farm, frame, 1)
    assert state(desk, frame) == left


def test_a_frame_is_eaten(desk: Desk) -> None:
    """ManageFrame.eat: a running one exits with 506; one that succeeded stays so."""
    running, done = a_frame(desk, "RUNNING"), a_frame(desk, "SUCCEEDED")
    depending = a_frame(desk, "DEPEND")
    for frame in (running, done, depending):
        desk("FrameInterface/Eat", frame={"id": frame.id})
    desk.wait(0.5)
    assert (state(desk, running), seen(desk, running).exit_status) == ("EATEN", 506)
    assert (state(desk, done), state(desk, depending)) == ("SUCCEEDED", "EATEN")


def test_a_retried_frame_waits_again_and_holds_back_what_waited_for_it(desk: Desk) -> None:
    """JobManagerSupport.retryFrame makes satisfied dependencies on the frame active again."""
    sim = desk("FrameInterface/FindFrame", job=SMOKE, layer="sim", frame=1001).frame
    mesh = desk("FrameInterface/FindFrame", job=SMOKE, layer="mesh", frame=1001).frame
    end_frame(desk.farm, start(desk, sim), 0)
    assert (state(desk, sim), state(desk, mesh)) == ("SUCCEEDED", "WAITING")
    end_frame(desk.farm, start(desk, mesh), 0)
    desk("FrameInterface/Retry", frame={"id": sim.id})
    desk.wait(0.5)
    assert (state(desk, sim), state(desk, mesh)) == ("WAITING", "DEPEND")
    desk("FrameInterface/Retry", frame={"id": mesh.id})
    desk.wait(0.5)
    assert state(desk, mesh) == "DEPEND"
    end_frame(desk.farm, start(desk, sim), 0)
    assert state(desk, mesh) == "WAITING"


def test_a_retried_frame_of_a_layer_holds_back_the_layers_that_waited(desk: Desk) -> None:
    """JobManagerSupport.retryFrame renews LAYER_ON_LAYER too, and the job is pending again."""
    preview, comp = a_frame(desk, "DEPEND"), a_frame(desk, "SUCCEEDED")
    desk("LayerInterface/MarkdoneFrames", layer={"id": desk.layer(COMP, "comp").id})
    desk("JobInterface/Kill", job={"id": desk.job(COMP).id}, reason="test")
    desk.wait(5)
    assert state(desk, preview) == "WAITING"
    assert enum_name(desk.job(COMP), "state") == "FINISHED"
    desk("FrameInterface/Retry", frame={"id": comp.id})
    desk.wait(0.5)
    assert state(desk, preview) == "DEPEND"
    assert enum_name(desk.job(COMP), "state") == "PENDING"


def test_a_frame_waits_for_a_frame_a_layer_and_a_job(desk: Desk) -> None:
    """ManageFrame.createDependencyOn… answers the dependency, which holds the frame back."""
    frame, other = desk.frames(ROTO, "WAITING")[:2]
    shown = {"id": frame.id}
    layer = desk.layer(SMOKE, "sim")
    made = [
        desk(
            "FrameInterface/CreateDependencyOnFrame",
            frame=shown,
            depend_on_frame={"id": other.id},
        ),
        desk("FrameInterface/CreateDependencyOnLayer", frame=shown, layer={"id": layer.id}),
        desk("FrameInterface/CreateDependencyOnJob", frame=shown, job={"id": desk.job(COMP).id}),
    ]
    assert [
        (enum_name(each.depend, "type"), enum_name(each.depend, "target"), each.depend.active)
        for each in made
    ] == [
        ("FRAME_ON_FRAME", "INTERNAL", True),
        ("FRAME_ON_LAYER", "EXTERNAL", True),
        ("FRAME_ON_JOB", "EXTERNAL", True),
    ]
    assert state(desk, frame) == "DEPEND"
    found = desk("FrameInterface/GetWhatThisDependsOn", frame=shown).depends.depends
    assert list(found) == [each.depend for each in made]
    back = desk("FrameInterface/GetWhatDependsOnThis", frame={"id": other.id}).depends.depends
    assert list(back) == [made[0].depend]

    desk("FrameInterface/DropDepends", frame=shown, target=1)
    desk.wait(0.5)
    assert state(desk, frame) == "DEPEND"
    desk("FrameInterface/DropDepends", frame=shown, target=2)
    desk.wait(0.5)
    assert state(desk, frame) == "WAITING"


def test_a_frame_is_marked_as_waiting_and_as_depending(desk: Desk) -> None:
    """FrameDaoJdbc: waiting in spite of active dependencies, and back; other states stay."""
    frame, done = a_frame(desk, "DEPEND"), a_frame(desk, "SUCCEEDED")
    desk("FrameInterface/MarkAsWaiting", frame={"id": frame.id})
    assert state(desk, frame) == "WAITING"
    known = desk("FrameInterface/GetWhatThisDependsOn", frame={"id": frame.id}).depends.depends
    assert [each.active for each in known] == [True]
    desk("FrameInterface/MarkAsDepend", frame={"id": frame.id})
    assert state(desk, frame) == "DEPEND"
    for method in ("MarkAsWaiting", "MarkAsDepend"):
        desk(f"FrameInterface/{method}", frame={"id": done.id})
        assert state(desk, done) == "SUCCEEDED"
    free = a_frame(desk, "WAITING", ROTO)
    desk("FrameInterface/MarkAsDepend", frame={"id": free.id})
    assert state(desk, free) == "WAITING"


def test_a_frame_pauses_for_its_checkpoint(desk: Desk) -> None:
    """With checkpoints enabled a stopped frame goes to CHECKPOINT until that is complete."""
    frame = a_frame(desk, "RUNNING")
    shown = {"id": frame.id}
    desk("FrameInterface/SetCheckpointState", frame=shown, state=ENABLED)
    desk("FrameInterface/Kill", frame=shown)
    desk.wait(0.5)
    assert state(desk, frame) == "CHECKPOINT"
    desk("FrameInterface/SetCheckpointState", frame=shown, state=COPYING)
    assert state(desk, frame) == "CHECKPOINT"
    desk("FrameInterface/SetCheckpointState", frame=shown, state=COMPLETE)
    now = seen(desk, frame)
    assert (enum_name(now, "state"), enum_name(now, "checkpoint_state")) == ("WAITING", "COMPLETE")
    assert now.checkpoint_count == 1
    desk("FrameInterface/SetCheckpointState", frame=shown, state=COMPLETE)
    assert seen(desk, frame).checkpoint_count == 1
    desk("FrameInterface/SetCheckpointState", frame=shown, state=DISABLED)
    assert enum_name(seen(desk, frame), "checkpoint_state") == "DISABLED"


def test_a_checkpoint_that_nobody_completes_is_given_up(desk: Desk) -> None:
    """MaintenanceManagerSupport.clearStaleCheckpoints, 300 seconds after the frame stopped."""
    frame = a_frame(desk, "RUNNING")
    desk("JobInterface/Pause", job={"id": desk.job(COMP).id})
    desk("FrameInterface/SetCheckpointState", frame={"id": frame.id}, state=ENABLED)
    desk("FrameInterface/Retry", frame={"id": frame.id})
    desk.wait(299)
    assert state(desk, frame) == "CHECKPOINT"
    desk.wait(2)
    now = seen(desk, frame)
    assert (enum_name(now, "state"), enum_name(now, "checkpoint_state")) == ("WAITING", "DISABLED")


def test_how_a_state_looks_is_set_per_frame(desk: Desk) -> None:
    """ManageFrame.setFrameStateDisplayOverride: one per state, shown while the frame is in it."""
    frame = a_frame(desk, "RUNNING")
    shown = {"id": frame.id}
    red, blue = {"red": 200, "green": 1, "blue": 2}, {"red": 1, "green": 2, "blue": 200}
    for number, text, color in ((2, "LIVE", red), (0, "IDLE", red), (2, "HOT", blue)):
        desk(
            "FrameInterface/SetFrameStateDisplayOverride",
            frame=shown,
            override={"state": number, "text": text, "color": color},
        )
    found = desk("FrameInterface/GetFrameStateDisplayOverrides", frame=shown).overrides.overrides
    assert sorted(each.text for each in found) == ["HOT", "IDLE"]
    assert seen(desk, frame).frame_state_display_override.color.blue == 200
    desk("FrameInterface/Kill", frame=shown)
    desk.wait(0.5)
    assert seen(desk, frame).frame_state_display_override.text == "IDLE"
    desk("FrameInterface/Eat", frame=shown)
    desk.wait(0.5)
    assert not seen(desk, frame).HasField("frame_state_display_override")


def test_a_look_that_cannot_be_stored_is_refused(desk: Desk) -> None:
    """The database takes 24 characters, and frames that exist; the getter knows no difference."""
    long = {"state": 2, "text": "x" * 25}
    frame = a_frame(desk, "RUNNING")
    for shown, override in (({"id": frame.id}, long), ({"id": "x"}, {"state": 2, "text": "x"})):
        code, text = desk.refusal(
            "FrameInterface/SetFrameStateDisplayOverride", frame=shown, override=override
        )
        assert code == "INTERNAL"
        assert text.startswith("org.springframework.dao.DataIntegrityViolationException: ERROR: ")
    got = desk("FrameInterface/GetFrameStateDisplayOverrides", frame={"id": "x"})
    assert not got.overrides.overrides


def test_a_frame_gets_a_render_partition(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """ManageFrame.addRenderPartition books the frame on a host for its owner."""
    asked: list[Any] = []

    def add(farm: Any, part: Any, request: Any) -> Any:
        asked.append(part)
        return farm.messages.new("renderPartition.RenderPartition", host=request.host)

    monkeypatch.setattr(interface, "add_partition", add)
    frame = a_frame(desk, "WAITING")
    made = desk("FrameInterface/AddRenderPartition", frame={"id": frame.id}, host="desk-201")
    assert made.render_partition.host == "desk-201"
    assert [part.id for part in asked] == [frame.id]


@pytest.mark.parametrize(
    "method",
    [
        "CreateDependencyOnFrame",
        "CreateDependencyOnJob",
        "CreateDependencyOnLayer",
        "DropDepends",
        "Eat",
        "GetWhatDependsOnThis",
        "GetWhatThisDependsOn",
        "Kill",
        "MarkAsDepend",
        "MarkAsWaiting",
        "Retry",
        "SetCheckpointState",
    ],
)
def test_no_method_takes_a_frame_that_is_not_there(desk: Desk, method: str) -> None:
    """ManageFrame leaves Spring's exception to the interceptor: INTERNAL."""
    assert desk.refusal(f"FrameInterface/{method}", frame={"id": "x"}) == ("INTERNAL", UNCAUGHT)
