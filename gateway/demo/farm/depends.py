"""Dependencies: what waits for what, and when it need not any more.

A `depend.Depend` names what waits (`depend_er_…`) and what for (`depend_on_…`). A frame for which
an active one counts is in the state DEPEND instead of WAITING.
"""

from typing import Any

from gateway.demo.farm.frames import change_all, state_of
from gateway.demo.farm.plans import DependPlan
from gateway.demo.farm.state import Farm, by_name


def add_planned(farm: Farm, job: Any, plan: DependPlan) -> Any:
    """The dependency that a job's plan asks for. Raises Missing for what it does not have."""
    on_job = farm.pending_job(plan.on_job) if plan.on_job else job
    return add_depend(
        farm,
        plan.kind,
        find_part(farm, job, plan.layer, plan.frame),
        find_part(farm, on_job, plan.on_layer, plan.on_frame),
        any_frame=plan.any_frame,
    )


def find_part(farm: Farm, job: Any, layer: str, frame: str) -> Any:
    """A job, or a layer or a frame of it by their names where these are not empty."""
    if not layer:
        return job
    part = by_name({each.id: each for each in farm.layers_of(job)}, layer)
    if not frame:
        return part
    frames = {each.id: each for each in farm.frames_of(part)}
    return by_name(frames, frame)


def add_depend(farm: Farm, kind: str, er: Any, on: Any, *, any_frame: bool = False) -> Any:
    """Let `er` wait for `on` (a job, layer or frame each); the kind is a depend.DependType.

    Frame by frame, each frame of a layer waits for the one of the same number.
    """
    key = f"depend/{kind}/{er.id}/{on.id}/{len(farm.depends)}"
    depend = farm.messages.new(
        "depend.Depend",
        id=farm.make_id(key),
        type=kind,
        target="INTERNAL" if job_of(farm, er) is job_of(farm, on) else "EXTERNAL",
        any_frame=any_frame,
        active=True,
        **names(farm, er, "depend_er"),
        **names(farm, on, "depend_on"),
    )
    farm.depends[depend.id] = depend
    farm.waits[er.id].append(depend.id)
    farm.awaited[on.id].append(depend.id)
    farm.ends[depend.id] = (er.id, on.id)
    if kind == "FRAME_BY_FRAME":
        counterparts = {frame.number: frame for frame in farm.frames_of(on)}
        for frame in farm.frames_of(er):
            if frame.number in counterparts:
                child = add_depend(farm, "FRAME_ON_FRAME", frame, counterparts[frame.number])
                farm.own(depend.id, child.id)
    elif is_done(farm, on):
        depend.active = False
    else:
        hold(farm, er)
    return depend


def names(farm: Farm, part: Any, prefix: str) -> dict[str, str]:
    """The fields of a Depend that name a job, a layer or a frame."""
    named = {f"{prefix}_job": job_of(farm, part).name}
    if part.id in farm.layers:
        named[f"{prefix}_layer"] = part.name
    elif part.id in farm.frames:
        named |= {f"{prefix}_layer": part.layer_name, f"{prefix}_frame": part.name}
    return named


def job_of(farm: Farm, part: Any) -> Any:
    """The job of a job, a layer or a frame."""
    key = part.id
    while key not in farm.jobs:
        key = farm.parent_of[key]
    return farm.jobs[key]


def is_done(farm: Farm, part: Any) -> bool:
    """Whether nobody has to wait for it any more."""
    if part.id in farm.frames:
        return state_of(part) in ("SUCCEEDED", "EATEN")
    return farm.tallies[part.id].finished


def parts_of(farm: Farm, er: Any) -> list[Any]:
    """The layers or the one frame that wait when `er` does."""
    return farm.layers_of(er) if er.id in farm.jobs else [er]


def hold(farm: Farm, er: Any) -> None:
    """What waits to start has to wait for something else first."""
    for part in parts_of(farm, er):
        change_all(farm, part, "WAITING", "DEPEND")


def release(farm: Farm, er: Any) -> None:
    """Let start what has nothing more to wait for."""
    for part in parts_of(farm, er):
        change_all(farm, part, "DEPEND", "WAITING", unless=is_held)


def is_held(farm: Farm, part: Any) -> bool:
    """Whether an active dependency of this frame or layer, or of what it is in, counts for it."""
    key = part.id
    while key in farm.frames or key in farm.layers or key in farm.jobs:
        for depend in farm.waits.get(key, ()):
            if farm.depends[depend].active and not farm.children_of.get(depend):
                return True
        if key in farm.jobs:
            break
        key = farm.parent_of[key]
    return False


def satisfy(farm: Farm, depend: Any) -> None:
    """It counts no more."""
    if not depend.active:
        return
    depend.active = False
    for child in farm.children_of.get(depend.id, ()):
        satisfy(farm, farm.depends[child])
    parent = farm.parent_of.get(depend.id)
    if parent and not any(farm.depends[each].active for each in farm.children_of[parent]):
        farm.depends[parent].active = False
    release(farm, find(farm, farm.ends[depend.id][0]))


def find(farm: Farm, key: str) -> Any:
    """The job, layer or frame with that id."""
    return farm.jobs.get(key) or farm.layers.get(key) or farm.frames[key]


def satisfy_on(farm: Farm, part: Any) -> None:
    """This job, layer or frame is done: nothing waits for it any more."""
    for key in farm.awaited.get(part.id, ()):
        satisfy(farm, farm.depends[key])
