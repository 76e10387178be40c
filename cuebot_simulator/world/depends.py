"""Dependencies: what waits for what, and when it need not any more.

A `depend.Depend` names what waits (`depend_er_…`) and what for (`depend_on_…`). Each one that is
active counts for every frame that waits; one for which any counts is in the state DEPEND. Some
kinds only hold others together, their children, and count for nothing themselves.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from grpc import StatusCode

from cuebot_simulator.world.database_errors import duplicate
from cuebot_simulator.world.depend_ends import check_ends, find_end, is_done, job_of, names
from cuebot_simulator.world.failures import Refusal
from cuebot_simulator.world.frame_pairs import is_one_chunk, pairs_by_frame, pairs_by_previous
from cuebot_simulator.world.frames import count_waits
from cuebot_simulator.world.messages import enum_name
from cuebot_simulator.world.plans import DependPlan
from cuebot_simulator.world.state import Farm, by_name

COMPOSITES = ("FRAME_BY_FRAME", "PREVIOUS_FRAME")
"""What only holds children together. It stays active for good."""
RENEWED = ("FRAME_ON_FRAME", "LAYER_ON_LAYER")
"""What can be active again after it was satisfied."""
DROPPED = {
    "layer": ("LAYER_ON_JOB", "LAYER_ON_LAYER", "LAYER_ON_FRAME", "FRAME_BY_FRAME"),
    "frame": ("FRAME_ON_JOB", "FRAME_ON_LAYER", "FRAME_ON_FRAME"),
}
"""What can be dropped from a layer or a frame. From a job it is all that has no parent."""
ANY_TARGET = "ANY_TARGET"
MOST_CHILDREN = 20_000
"""Dependencies of frames on frames that may be made at once: a second of work, or less."""


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


def add_depend(farm: Farm, kind: str, dependent: Any, on: Any, *, any_frame: bool = False) -> Any:
    """Let `dependent` wait for `on` (a job, layer or frame each); the kind is a depend.DependType.

    With `any_frame`, a layer waits for the first frame of another only. The dependency may be of
    another kind than asked for, or one that was there, or None where Cuebot makes none. Raises
    Refusal for what cannot wait for itself, for what waits already, and for a job that is done.
    """
    check_ends(farm, kind, dependent, on)
    if kind == "LAYER_ON_SIM_FRAME":
        check_children(farm.tallies[dependent.id].states.total())
        for frame in farm.frames_of(dependent):
            add_depend(farm, "FRAME_ON_FRAME", frame, on)
        return None
    if kind == "FRAME_BY_FRAME":
        return add_frame_by_frame(farm, dependent, on)
    if find_active(farm, kind, dependent, on):
        signature = farm.make_id(f"signature/{kind}/{dependent.id}/{on.id}")
        raise duplicate("i_depend_signature", str_signature=signature)
    if kind == "PREVIOUS_FRAME":
        return add_children(farm, kind, dependent, on, pairs_by_previous(farm, dependent, on))
    depend = make_depend(
        farm, kind, dependent, on, any_frame=any_frame and kind == "LAYER_ON_LAYER"
    )
    if is_done(farm, on):
        depend.active = False
    else:
        count_waits(farm, dependent, 1)
    return depend


def add_frame_by_frame(farm: Farm, dependent: Any, on: Any) -> Any:
    """Let each frame of a layer wait for what it needs of another: what `add_depend` gives.

    It makes none on another job's tiles. A layer that is one chunk waits, or is waited for, whole.
    """
    if job_of(farm, dependent) is not job_of(farm, on) and "_tile_" in on.name:
        return None
    if is_one_chunk(farm, dependent) or is_one_chunk(farm, on):
        return add_depend(farm, "LAYER_ON_LAYER", dependent, on)
    if known := find_active(farm, "FRAME_BY_FRAME", dependent, on):
        return known
    return add_children(farm, "FRAME_BY_FRAME", dependent, on, pairs_by_frame(farm, dependent, on))


def add_children(
    farm: Farm, kind: str, dependent: Any, on: Any, pairs: Iterable[tuple[Any, Any]]
) -> Any:
    """Let frames wait for frames: the dependency that holds these together.

    Raises Refusal, before it makes any, if they are too many.
    """
    found = list(islice(pairs, MOST_CHILDREN + 1))
    check_children(len(found))
    depend = make_depend(farm, kind, dependent, on, any_frame=False)
    for frame, needed in found:
        child = add_depend(farm, "FRAME_ON_FRAME", frame, needed)
        farm.own(depend.id, child.id)
    return depend


def check_children(number: int) -> None:
    """Raise Refusal for more dependencies of frames at once than can be made in a short time."""
    if number > MOST_CHILDREN:
        raise Refusal(
            f"the simulated farm makes no more than {MOST_CHILDREN} dependencies at once",
            StatusCode.RESOURCE_EXHAUSTED,
        )


def find_active(farm: Farm, kind: str, dependent: Any, on: Any) -> Any:
    """The active dependency of that kind between these two, or None."""
    for depend in all_of(farm, farm.dependencies, dependent):
        if depend.active and farm.ends[depend.id][1] == on.id and enum_name(depend, "type") == kind:
            return depend
    return None


def make_depend(farm: Farm, kind: str, dependent: Any, on: Any, *, any_frame: bool) -> Any:
    """An active dependency that counts for nothing yet."""
    depend = farm.messages.new(
        "depend.Depend",
        id=farm.make_id(f"depend/{kind}/{dependent.id}/{on.id}/{len(farm.depends)}"),
        type=kind,
        target="INTERNAL" if job_of(farm, dependent) is job_of(farm, on) else "EXTERNAL",
        any_frame=any_frame,
        active=True,
        **names(farm, dependent, "depend_er"),
        **names(farm, on, "depend_on"),
    )
    farm.depends[depend.id] = depend
    farm.dependencies[dependent.id].append(depend.id)
    farm.dependents[on.id].append(depend.id)
    farm.ends[depend.id] = (dependent.id, on.id)
    return depend


# When they end, and when they begin again.


def satisfy(farm: Farm, depend: Any) -> None:
    """It counts no more; of one that holds others together, frame by frame, these do not."""
    kind = enum_name(depend, "type")
    if kind == "FRAME_BY_FRAME":
        for child in farm.children_of.get(depend.id, ()):
            satisfy(farm, farm.depends[child])
    elif depend.active and kind not in COMPOSITES:
        depend.active = False
        count_waits(farm, find_end(farm, farm.ends[depend.id][0]), -1)


def unsatisfy(farm: Farm, depend: Any) -> None:
    """It counts again, if it is of a kind that can."""
    if not depend.active and enum_name(depend, "type") in RENEWED:
        depend.active = True
        count_waits(farm, find_end(farm, farm.ends[depend.id][0]), 1)


def satisfied_by(farm: Farm, part: Any) -> Iterator[Any]:
    """The dependencies that are satisfied when this job, layer or frame is done."""
    for depend in all_of(farm, farm.dependents, part):
        if enum_name(depend, "type") not in COMPOSITES:
            yield depend
    layer = farm.parent_of[part.id]
    if layer in farm.layers:
        for depend in all_of(farm, farm.dependents, farm.layers[layer]):
            if depend.any_frame:
                yield depend


def satisfy_on(farm: Farm, part: Any) -> None:
    """This job, layer or frame is done: nothing waits for it any more."""
    for depend in satisfied_by(farm, part):
        satisfy(farm, depend)


def unsatisfy_on(farm: Farm, frame: Any) -> None:
    """This frame has to run again: what waited for it, or for its layer, waits once more."""
    for part in (frame, farm.layer_of(frame)):
        for depend in satisfied_by(farm, part):
            unsatisfy(farm, depend)


def count_active(farm: Farm, frame: Any) -> int:
    """How many dependencies of a frame, its layer and its job are active and count for it."""
    parts = (frame, farm.layer_of(frame), farm.job_of(frame))
    return sum(
        depend.active and enum_name(depend, "type") not in COMPOSITES
        for part in parts
        for depend in all_of(farm, farm.dependencies, part)
    )


# What there is.


def all_of(farm: Farm, index: dict[str, list[str]], part: Any) -> list[Any]:
    """The dependencies by one of the farm's indexes of just this job, layer or frame."""
    return [farm.depends[key] for key in index.get(part.id, ())]


def contents_of(farm: Farm, part: Any) -> list[Any]:
    """A job with its layers and frames, a layer with its frames, or just a frame.

    Frames that are not made yet are left out: nobody waits for them, nor do they.
    """
    parts = [part]
    for layer in farm.layers_of(part) if part.id in farm.jobs else [part]:
        if layer is not part:
            parts.append(layer)
        if layer.id in farm.layers and not farm.frames.is_lazy(layer.id):
            parts += farm.frames_of(layer)
    return parts


def without_parent(farm: Farm, depends: Iterable[Any]) -> list[Any]:
    return [depend for depend in depends if depend.id not in farm.parent_of]


def dependents_of(farm: Farm, part: Any) -> list[Any]:
    """What depends on a job, a layer or a frame, or on what is in it: satisfied ones too.

    Of those that belong together, only the one that holds them together; for a frame, its own.
    """
    if part.id in farm.frames:
        return all_of(farm, farm.dependents, part)
    each = (
        depend for one in contents_of(farm, part) for depend in all_of(farm, farm.dependents, one)
    )
    return without_parent(farm, each)


def dependencies_of(farm: Farm, part: Any) -> list[Any]:
    """What a job, a layer or a frame depends on: satisfied ones too.

    For a layer, what its frames do; for a frame, what its layer and its job do as well.
    """
    if part.id in farm.jobs:
        return all_of(farm, farm.dependencies, part)
    if part.id in farm.layers:
        each = (
            depend
            for one in contents_of(farm, part)
            for depend in all_of(farm, farm.dependencies, one)
        )
        return without_parent(farm, each)
    above = [
        depend
        for one in (farm.job_of(part), farm.layer_of(part))
        for depend in all_of(farm, farm.dependencies, one)
        if enum_name(depend, "type") not in COMPOSITES
    ]
    return above + all_of(farm, farm.dependencies, part)


def all_depends(farm: Farm, job: Any) -> list[Any]:
    """All dependencies of a job, its layers and its frames, but those of a frame on a frame."""
    return [
        depend
        for part in contents_of(farm, job)
        for depend in all_of(farm, farm.dependencies, part)
        if enum_name(depend, "type") != "FRAME_ON_FRAME"
    ]


def drop_depends(farm: Farm, part: Any, target: str) -> None:
    """Satisfy what a job, a layer or a frame depends on: INTERNAL, EXTERNAL or ANY_TARGET.

    Of a job, what its layers and frames depend on too.
    """
    if part.id in farm.jobs:
        each = (
            depend
            for one in contents_of(farm, part)
            for depend in all_of(farm, farm.dependencies, one)
        )
        depends = without_parent(farm, each)
    else:
        kinds = DROPPED["layer" if part.id in farm.layers else "frame"]
        own = all_of(farm, farm.dependencies, part)
        depends = [depend for depend in own if enum_name(depend, "type") in kinds]
    for depend in depends:
        if target in (ANY_TARGET, enum_name(depend, "target")):
            satisfy(farm, depend)
