"""The two ends of a dependency: jobs, layers and frames, and which of them can wait for which."""

from typing import Any

from cuebot_simulator.world.failures import Refusal, java_exception
from cuebot_simulator.world.frames import state_of
from cuebot_simulator.world.state import Farm


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


def find_end(farm: Farm, key: str) -> Any:
    """The job, layer or frame with that id."""
    return farm.jobs.get(key) or farm.layers.get(key) or farm.frames[key]


def check_ends(farm: Farm, kind: str, dependent: Any, on: Any) -> None:
    """Raises Refusal for a thing that cannot wait for that other one."""
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
    return java_exception("com.imageworks.spcue.depend.DependException", text)
