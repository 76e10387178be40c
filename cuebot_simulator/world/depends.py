"""Dependencies: what waits for what, and until when.

A `depend.Depend` names what waits (`depend_er_…`) and what for (`depend_on_…`). Each active one
counts for every frame that waits; a frame with a count above 0 is in the state DEPEND. Composite
kinds only hold others together, their children, and count for nothing themselves.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from cuebot_simulator.world.frame_range import numbers_of
from cuebot_simulator.world.frames import count_waits, state_of
from cuebot_simulator.world.messages import enum_name
from cuebot_simulator.world.plans import DependPlan
from cuebot_simulator.world.refusals import JavaException, Refusal, duplicate
from cuebot_simulator.world.state import Farm, by_name

COMPOSITES = ("FRAME_BY_FRAME", "PREVIOUS_FRAME")
"""Kinds that only hold children together. They stay active for good."""
RENEWED = ("FRAME_ON_FRAME", "LAYER_ON_LAYER")
DROPPED = {
    "layer": ("LAYER_ON_JOB", "LAYER_ON_LAYER", "LAYER_ON_FRAME", "FRAME_BY_FRAME"),
    "frame": ("FRAME_ON_JOB", "FRAME_ON_LAYER", "FRAME_ON_FRAME"),
}
"""Kinds that can be dropped from a layer or a frame. From a job, all without a parent can."""
ANY_TARGET = "ANY_TARGET"


def add_planned(farm: Farm, job: Any, plan: DependPlan) -> Any:
    """Add the dependency of a job's plan. Raises Missing if the job lacks one end."""
    on_job = farm.pending_job(plan.on_job) if plan.on_job else job
    return add_depend(
        farm,
        plan.kind,
        find_part(farm, job, plan.layer, plan.frame),
        find_part(farm, on_job, plan.on_layer, plan.on_frame),
        any_frame=plan.any_frame,
    )


def find_part(farm: Farm, job: Any, layer: str, frame: str) -> Any:
    """A job, or its layer or frame if these names are not empty."""
    if not layer:
        return job
    part = by_name({each.id: each for each in farm.layers_of(job)}, layer)
    if not frame:
        return part
    frames = {each.id: each for each in farm.frames_of(part)}
    return by_name(frames, frame)


def add_depend(farm: Farm, kind: str, dependent: Any, on: Any, *, any_frame: bool = False) -> Any:
    """Let `dependent` wait for `on` (a job, layer or frame each). `kind` is a depend.DependType.

    With `any_frame`, a layer waits only for the first frame of another. The result may be of
    another kind than requested, an existing dependency, or None if Cuebot makes none. Raises
    Refusal for ends that cannot wait for each other, for a second such dependency, and for a
    finished job.
    """
    check_ends(farm, kind, dependent, on)
    if kind == "LAYER_ON_SIM_FRAME":
        for frame in farm.frames_of(dependent):
            add_depend(farm, "FRAME_ON_FRAME", frame, on)
        return None
    if kind == "FRAME_BY_FRAME":
        return add_frame_by_frame(farm, dependent, on)
    if find_active(farm, kind, dependent, on):
        raise duplicate(f"{kind} of {dependent.name} on {on.name}")
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
    """Let each frame of a layer wait for the frames that it needs of another layer.

    A layer of one chunk waits, or is waited for, whole.
    """
    if is_one_chunk(farm, dependent) or is_one_chunk(farm, on):
        return add_depend(farm, "LAYER_ON_LAYER", dependent, on)
    if known := find_active(farm, "FRAME_BY_FRAME", dependent, on):
        return known
    return add_children(farm, "FRAME_BY_FRAME", dependent, on, pairs_by_frame(farm, dependent, on))


def add_children(
    farm: Farm, kind: str, dependent: Any, on: Any, pairs: Iterable[tuple[Any, Any]]
) -> Any:
    """A composite dependency with its children; none if one of the pairs cannot be."""
    found = list(pairs)
    depend = make_depend(farm, kind, dependent, on, any_frame=False)
    for frame, needed in found:
        child = add_depend(farm, "FRAME_ON_FRAME", frame, needed)
        farm.own(depend.id, child.id)
    return depend


def find_active(farm: Farm, kind: str, dependent: Any, on: Any) -> Any:
    """The active dependency of that kind between these two, or None."""
    for depend in all_of(farm, farm.dependencies, dependent):
        if depend.active and farm.ends[depend.id][1] == on.id and enum_name(depend, "type") == kind:
            return depend
    return None


def make_depend(farm: Farm, kind: str, dependent: Any, on: Any, *, any_frame: bool) -> Any:
    """An active dependency that does not count yet."""
    depend = farm.add(
        farm.depends,
        "depend.Depend",
        id=farm.make_id(f"depend/{kind}/{dependent.id}/{on.id}/{len(farm.depends)}"),
        type=kind,
        target="INTERNAL" if job_of(farm, dependent) is job_of(farm, on) else "EXTERNAL",
        any_frame=any_frame,
        active=True,
        **names(farm, dependent, "depend_er"),
        **names(farm, on, "depend_on"),
    )
    farm.dependencies[dependent.id].append(depend.id)
    farm.dependents[on.id].append(depend.id)
    farm.ends[depend.id] = (dependent.id, on.id)
    return depend


# When they end, and when they begin again.


def satisfy(farm: Farm, depend: Any) -> None:
    """A dependency counts no more; nor do the children of a FRAME_BY_FRAME one."""
    kind = enum_name(depend, "type")
    if kind == "FRAME_BY_FRAME":
        for child in farm.children_of.get(depend.id, ()):
            satisfy(farm, farm.depends[child])
    elif depend.active and kind not in COMPOSITES:
        depend.active = False
        count_waits(farm, find_end(farm, farm.ends[depend.id][0]), -1)


def unsatisfy(farm: Farm, depend: Any) -> None:
    """A dependency counts again, if it is of a kind that can."""
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
    """Satisfy what waits for this job, layer or frame."""
    for depend in satisfied_by(farm, part):
        satisfy(farm, depend)


def unsatisfy_on(farm: Farm, frame: Any) -> None:
    """This frame has to run again: what waited for it, or for its layer, waits again."""
    for part in (frame, farm.layer_of(frame)):
        for depend in satisfied_by(farm, part):
            unsatisfy(farm, depend)


def count_active(farm: Farm, frame: Any) -> int:
    """The number of active dependencies of a frame, its layer and its job that count for it."""
    parts = (frame, farm.layer_of(frame), farm.job_of(frame))
    return sum(
        depend.active and enum_name(depend, "type") not in COMPOSITES
        for part in parts
        for depend in all_of(farm, farm.dependencies, part)
    )


# What there is.


def all_of(farm: Farm, index: dict[str, list[str]], part: Any) -> list[Any]:
    """The dependencies by one of the farm's indexes of this job, layer or frame alone."""
    return [farm.depends[key] for key in index.get(part.id, ())]


def all_in(farm: Farm, index: dict[str, list[str]], part: Any) -> list[Any]:
    """Those of a job with its layers and frames, of a layer with its frames, or of a frame.

    Lazy frames are left out: they have no dependencies, and none are on them.
    """
    parts = [part, *farm.layers_of(part)] if part.id in farm.jobs else [part]
    for layer in parts[:]:
        if layer.id in farm.layers and not farm.frames.is_lazy(layer.id):
            parts += farm.frames_of(layer)
    return [depend for each in parts for depend in all_of(farm, index, each)]


def without_parent(farm: Farm, depends: Iterable[Any]) -> list[Any]:
    return [depend for depend in depends if depend.id not in farm.parent_of]


def dependents_of(farm: Farm, part: Any) -> list[Any]:
    """What depends on a job, a layer or a frame, or on its contents; satisfied ones, too.

    A composite stands for its children, except for a frame.
    """
    if part.id in farm.frames:
        return all_of(farm, farm.dependents, part)
    return without_parent(farm, all_in(farm, farm.dependents, part))


def dependencies_of(farm: Farm, part: Any) -> list[Any]:
    """What a job, a layer or a frame depends on; satisfied ones, too.

    A layer includes its frames; a frame includes its layer and its job.
    """
    if part.id in farm.jobs:
        return all_of(farm, farm.dependencies, part)
    if part.id in farm.layers:
        return without_parent(farm, all_in(farm, farm.dependencies, part))
    above = [
        depend
        for one in (farm.job_of(part), farm.layer_of(part))
        for depend in all_of(farm, farm.dependencies, one)
        if enum_name(depend, "type") not in COMPOSITES
    ]
    return above + all_of(farm, farm.dependencies, part)


def all_depends(farm: Farm, job: Any) -> list[Any]:
    """All dependencies of a job, its layers and its frames, without those of frames on frames."""
    return [
        depend
        for depend in all_in(farm, farm.dependencies, job)
        if enum_name(depend, "type") != "FRAME_ON_FRAME"
    ]


def drop_depends(farm: Farm, part: Any, target: str) -> None:
    """Satisfy what a job (with its contents), a layer or a frame depends on.

    `target` is INTERNAL, EXTERNAL or ANY_TARGET.
    """
    if part.id in farm.jobs:
        depends = without_parent(farm, all_in(farm, farm.dependencies, part))
    else:
        kinds = DROPPED["layer" if part.id in farm.layers else "frame"]
        own = all_of(farm, farm.dependencies, part)
        depends = [depend for depend in own if enum_name(depend, "type") in kinds]
    for depend in depends:
        if target in (ANY_TARGET, enum_name(depend, "target")):
            satisfy(farm, depend)


def names(farm: Farm, part: Any, prefix: str) -> dict[str, str]:
    """The fields of a Depend that name a job, a layer or a frame."""
    named = {f"{prefix}_job": job_of(farm, part).name}
    if part.id in farm.layers:
        named[f"{prefix}_layer"] = part.name
    elif part.id in farm.frames:
        named |= {f"{prefix}_layer": part.layer_name, f"{prefix}_frame": part.name}
    return named


def job_of(farm: Farm, part: Any) -> Any:
    key = part.id
    while key not in farm.jobs:
        key = farm.parent_of[key]
    return farm.jobs[key]


def is_done(farm: Farm, part: Any) -> bool:
    if part.id in farm.frames:
        return state_of(part) in ("SUCCEEDED", "EATEN")
    return farm.tallies[part.id].finished


def find_end(farm: Farm, key: str) -> Any:
    return farm.jobs.get(key) or farm.layers.get(key) or farm.frames[key]


def check_ends(farm: Farm, kind: str, dependent: Any, on: Any) -> None:
    """Raise Refusal if one cannot wait for the other."""
    if on.id in farm.jobs and is_done(farm, on):
        raise refused("The job you are depending on is already complete.")
    if kind in ("LAYER_ON_LAYER", "FRAME_BY_FRAME") and dependent.id == on.id:
        raise refused(f"Cannot make the layer {dependent.name} depend on itself.")
    if kind == "FRAME_ON_LAYER" and farm.parent_of[dependent.id] == on.id:
        raise refused(f"The frame {dependent.name} cannot depend  on its own layer.")
    if kind == "LAYER_ON_SIM_FRAME" and farm.parent_of[on.id] == dependent.id:
        raise refused(f"Cannot make the layer {dependent.name} depend on itself.")
    if kind == "LAYER_ON_FRAME" and farm.parent_of[on.id] == dependent.id:
        raise refused("A layer cannot depend on one of its own frames.")
    own = {
        "JOB_ON_JOB": "A job cannot depend on itself.",
        "JOB_ON_LAYER": "A job cannot depend on one of its own layers.",
        "JOB_ON_FRAME": "A job cannot depend on one of its own frames.",
        "LAYER_ON_JOB": "A layer cannot depend on its own job.",
        "FRAME_ON_JOB": "A frame cannot depend on its own job.",
    }
    if kind in own and job_of(farm, dependent) is job_of(farm, on):
        raise refused(own[kind])


def refused(text: str) -> Refusal:
    return JavaException("com.imageworks.spcue.depend.DependException", text)


def numbered(farm: Farm, layer: Any) -> dict[int, Any]:
    """A layer's frames by number, in the order of their launch."""
    return {
        frame.number: frame for frame in sorted(farm.frames_of(layer), key=lambda each: each.id)
    }


def is_one_chunk(farm: Farm, layer: Any) -> bool:
    return layer.chunk_size > 1 and farm.tallies[layer.id].states.total() == 1


def pairs_by_frame(farm: Farm, dependent: Any, on: Any) -> Iterator[tuple[Any, Any]]:
    """Each frame of a layer with the frames that it needs of another layer.

    Raises Refusal at a frame that comes before all chunks of the other layer, as Cuebot does.
    """
    others = numbered(farm, on)
    chunks = Chunks(list(others))
    for number, frame in numbered(farm, dependent).items():
        for needed in chunks.needed(number, dependent.chunk_size, on.chunk_size):
            yield frame, others[needed]


class Chunks:
    """The first frames of a layer's chunks, by number and in order."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = numbers
        self._places = {number: place for place, number in enumerate(numbers)}
        self._highest = list(accumulate(numbers, max))
        """The highest number so far at each place."""

    def needed(self, number: int, chunk: int, other: int) -> Sequence[int]:
        """The chunks that another layer's frame of that number needs.

        `chunk` is the size of that layer's chunks, `other` that of these. For equal sizes it is the
        chunk of that number; for larger ones, the chunk with it; for smaller ones, all that
        overlap.
        """
        if chunk == other:
            return [number] if number in self._places else []
        place = self.place(number)
        return self._numbers[place : place + max(chunk - other, 0) + 1]

    def place(self, number: int) -> int:
        """The place of the chunk with a frame. Raises Refusal if the frame comes before all."""
        if number in self._places:
            return self._places[number]
        place = bisect_right(self._highest, number) - 1
        if place < 0:
            raise JavaException(
                "java.lang.IndexOutOfBoundsException", f"frame {number} comes before all chunks"
            )
        return place


def pairs_by_previous(farm: Farm, dependent: Any, on: Any) -> Iterator[tuple[Any, Any]]:
    """Each frame of a layer but the first with the previous one in another layer."""
    frames, others = numbered(farm, dependent), numbered(farm, on)
    for number, needed in zip(numbers_of(dependent.range)[1:], numbers_of(on.range), strict=False):
        if number in frames and needed in others:
            yield frames[number], others[needed]
