"""What the command of a simulated frame writes to its log, with RQD's lines around it.

A log depends on the frame and on the time alone: what is there at one time is the beginning of
what is there later.
"""

import time
from collections.abc import Iterator
from typing import Any

from cuebot_simulator.world.jobs import pick
from cuebot_simulator.world.state import Farm
from cuebot_simulator.world.tries import Cause, Try

RULE = "=" * 59
MOST_STEPS = 1500
"""Lines of progress: what runs for hours writes less often."""
STEP_SECONDS = 2
WARNING_PERCENT = 4
YELLOW, PLAIN = "\x1b[33m", "\x1b[0m"
WARNINGS = (
    "[texture] wood_diffuse.1001.tx has no mip maps",
    "[scene] shader skin1 is connected to nothing",
    "[colour] colour space of plate_bg is not set: linear is assumed",
    "[cache] 2 % of the samples are not finite",
)
KILLED = "RQD killed the frame: somebody asked for it"


def log_text(farm: Farm, frame: Any, attempt: Try, now: float, after: int = -1) -> str:
    """The log of a try at this time, of at most some 130 KB; only what is written later than so
    many seconds after its start, if `after` is 0 or more.
    """
    until = second_of(attempt, now)
    lines = [*header(farm, frame, attempt)] if after < 0 else []
    lines += [text for _, text in progress(farm, frame, attempt, after, until)]
    if attempt.stopped:
        lines += ending(farm, frame, attempt)
    return "".join(f"{each}\n" for each in lines)


def second_of(attempt: Try, now: float) -> int:
    """For how long a try has run."""
    return int(attempt.stopped or now) - attempt.started


def header(farm: Farm, frame: Any, attempt: Try) -> Iterator[str]:
    job, layer = farm.job_of(frame), farm.layer_of(frame)
    yield RULE
    yield f"RenderQ JobSpec      {time.ctime(attempt.started)}"
    command = layer.command.replace("#IFRAME#", str(frame.number))
    for name, value in (
        ("command", command),
        ("uid", job.uid),
        ("logDestination", f"{job.log_dir}/{job.name}.{frame.name}.rqlog"),
        ("renderHost", attempt.resource.partition("/")[0]),
        ("jobId", job.id),
        ("frameId", frame.id),
    ):
        yield f"{name:<21}{value}"
    yield RULE


def progress(
    farm: Farm, frame: Any, attempt: Try, after: int, until: int
) -> Iterator[tuple[int, str]]:
    """Lines, and how many seconds after the start they are written: later than `after`."""
    seconds = max(attempt.fate.seconds, 1)
    key = f"{frame.id}/{attempt.started}"
    most = memory_of(farm, frame)
    if after < 0:
        yield 0, f"{clock(0)} {most // 5:>6} MB | loading the scene"
    step = max(STEP_SECONDS, -(-seconds // MOST_STEPS))
    for second in range((max(after, 0) // step + 1) * step, min(seconds, until + 1), step):
        percent = second * 100 // seconds
        memory = most * (20 + percent * 8 // 10) // 100
        luck = pick(farm, f"line/{key}/{second}", 0, 99)
        if luck < WARNING_PERCENT:
            about = WARNINGS[luck % len(WARNINGS)]
            text = f"{YELLOW}WARNING{PLAIN} | {about}"
        else:
            text = f"{percent:>3} % done"
        yield second, f"{clock(second)} {memory:>6} MB | {text}"


def memory_of(farm: Farm, frame: Any) -> int:
    """The most that a frame needs, in MB: part of what its layer's plan reserves at first."""
    return pick(farm, f"memory/{frame.id}", 1500, 9500)


def ending(farm: Farm, frame: Any, attempt: Try) -> Iterator[str]:
    """The last lines of a try that is over, the reason among them if it has failed."""
    lasted = attempt.stopped - attempt.started
    cause = attempt.fate.cause
    by_itself = attempt.exit_status == attempt.fate.exit_status and lasted >= attempt.fate.seconds
    if by_itself and cause is not None:
        yield from reason(farm, frame, cause)
    elif by_itself or attempt.exit_status == 0:
        yield f"{clock(lasted)} {memory_of(farm, frame):>6} MB | 100 % done"
    killed = not by_itself and attempt.exit_status != 0
    yield ""
    yield RULE
    yield "RenderQ Job Complete"
    yield ""
    yield f"{'exitStatus':<20}{attempt.exit_status}"
    if killed:
        yield f"{'killMessage':<20}{KILLED}"
    yield f"{'endTime':<20}{time.ctime(attempt.stopped)}"
    yield f"{'renderhost':<20}{attempt.resource.partition('/')[0]}"
    yield RULE


def reason(farm: Farm, frame: Any, cause: Cause) -> Iterator[str]:
    job = farm.job_of(frame)
    memory = memory_of(farm, frame)
    for each in cause.lines:
        yield each.format(show=job.show, shot=job.shot, frame=frame.number, memory=memory)


def clock(seconds: int) -> str:
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}"
