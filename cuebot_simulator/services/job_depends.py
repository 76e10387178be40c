"""job.JobInterface: what a job waits for, and what waits for it."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.depend_queries import depend_queries
from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world import depends
from cuebot_simulator.world.messages import enum_name, fill
from cuebot_simulator.world.state import Farm, by_id


def depend_on_job(farm: Farm, request: Any, answer: Any) -> None:
    job, on = by_id(farm.jobs, request.job.id), by_id(farm.jobs, request.on_job.id)
    fill(answer, depend=depends.add_depend(farm, "JOB_ON_JOB", job, on))


def depend_on_layer(farm: Farm, request: Any, answer: Any) -> None:
    job, on = by_id(farm.jobs, request.job.id), by_id(farm.layers, request.layer.id)
    fill(answer, depend=depends.add_depend(farm, "JOB_ON_LAYER", job, on))


def depend_on_frame(farm: Farm, request: Any, answer: Any) -> None:
    job, on = by_id(farm.jobs, request.job.id), by_id(farm.frames, request.frame.id)
    fill(answer, depend=depends.add_depend(farm, "JOB_ON_FRAME", job, on))


def get_depends(farm: Farm, request: Any, answer: Any) -> None:
    """All that the job, its layers and its frames depend on, but not frame by frame."""
    job = by_id(farm.jobs, request.job.id)
    answer.depends.depends.extend(
        depend
        for depend in depends.all_depends(farm, job)
        if enum_name(depend, "type") != "FRAME_ON_FRAME"
    )


METHODS: Mapping[str, Handler] = {
    **depend_queries(lambda farm, request: by_id(farm.jobs, request.job.id)),
    "CreateDependencyOnFrame": depend_on_frame,
    "CreateDependencyOnJob": depend_on_job,
    "CreateDependencyOnLayer": depend_on_layer,
    "GetDepends": get_depends,
}
