"""How long the frames of the farm run, and why some of them fail."""

from collections.abc import Mapping, Sequence
from typing import Any

from cuebot_simulator.world.jobs import pick
from cuebot_simulator.world.state import Farm
from cuebot_simulator.world.tries import Cause, Fate

FAILURE_PERCENT = 3


NO_MEMORY = Cause(
    137,
    (
        "WARNING | memory: {memory} MB in use, which is more than was reserved",
        '/usr/local/bin/render: line 12:  4211 Killed                  "$@" (out of memory)',
    ),
)
CRASH = Cause(
    139,
    ('/usr/local/bin/render: line 12:  4211 Segmentation fault      (core dumped) "$@"',),
)
NO_SPACE = Cause(
    1,
    ("ERROR   | /shots/{show}/{shot}/images/{frame}.exr: cannot write: No space left on device",),
)
CAUSES: Mapping[str, Sequence[Cause]] = {
    "arnold": (
        Cause(
            1,
            (
                "ERROR   | [texture] /shots/{show}/{shot}/tex/wood_diffuse.1001.tx: file not found",
                "ERROR   | render aborted",
            ),
        ),
        Cause(
            1,
            (
                "ERROR   | [license] cannot check out arnold: all licenses are in use (-18)",
                "ERROR   | render aborted",
            ),
        ),
        NO_MEMORY,
        CRASH,
    ),
    "nuke": (
        Cause(
            1,
            (
                "ERROR   | Read3: /shots/{show}/{shot}/plates/bg.{frame}.exr:"
                " No such file or directory",
            ),
        ),
        NO_SPACE,
        NO_MEMORY,
    ),
    "houdini": (
        Cause(1, ("ERROR   | /obj/sim/dopnet1: invalid source: the cache of {frame} is empty",)),
        CRASH,
    ),
    "maya": (
        Cause(
            1,
            (
                "Traceback (most recent call last):",
                '  File "/usr/local/lib/playblast.py", line 48, in <module>',
                "    open_scene(path)",
                "RuntimeError: /shots/{show}/{shot}/scenes/anim.ma: the rig is missing",
            ),
        ),
    ),
    "ffmpeg": (
        Cause(
            1,
            (
                "/shots/{show}/{shot}/images/{frame}.exr: Invalid data found when processing input",
                "ERROR   | conversion failed",
            ),
        ),
    ),
}
"""By the service of a layer."""
OTHERS = (
    NO_SPACE,
    Cause(127, ("/usr/local/bin/render: line 12: roto_bake: command not found",)),
)
"""Of other services."""


def fate_of(farm: Farm, frame: Any) -> Fate:
    """What becomes of a frame that starts now: the same for the same seed."""
    key = f"{frame.id}/{frame.retry_count}"
    least, most = farm.frame_seconds[farm.parent_of[frame.id]]
    seconds = pick(farm, f"seconds/{key}", least, most)
    failed = pick(farm, f"luck/{key}", 1, 100) <= FAILURE_PERCENT
    return Fate(seconds, cause_for(farm, frame, key) if failed else None)


def cause_for(farm: Farm, frame: Any, key: str, exit_status: int | None = None) -> Cause:
    """Why a try fails, with this exit status if one is given."""
    service = next(iter(farm.layer_of(frame).services), "")
    causes = [
        each
        for each in CAUSES.get(service, OTHERS)
        if exit_status is None or each.exit_status == exit_status
    ]
    return causes[pick(farm, f"cause/{key}", 0, len(causes) - 1)]
