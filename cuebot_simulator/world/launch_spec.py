"""The launch of a spec: of all its jobs, or none."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeAlias

from cuebot_simulator.world import depends
from cuebot_simulator.world.filters import run_filters
from cuebot_simulator.world.frame_actions import enqueue
from cuebot_simulator.world.jobs import launch_job
from cuebot_simulator.world.partitions import add_partition
from cuebot_simulator.world.plans import DependPlan, JobPlan
from cuebot_simulator.world.refusals import Missing, Refusal
from cuebot_simulator.world.spec import LEVELS, Spec
from cuebot_simulator.world.spec_xml import SpecError
from cuebot_simulator.world.state import Farm, by_name

Plans: TypeAlias = Mapping[str, Mapping[str, Sequence[int]]]
"""The numbers of frames, by names of job and layer."""

WHOLE_LAYERS = ("LAYER_ON_LAYER", "FRAME_BY_FRAME")
LONGEST_NAME, LONGEST_SHOT, LONGEST_USER, LONGEST_LAYER = 255, 64, 32, 256
ADMINISTRATOR = "Please contact administrator of your OpenCue deployment to"


def launch_spec(farm: Farm, spec: Spec) -> list[Any]:
    """Launch the jobs of a spec. Raises SpecError for what Cuebot refuses before it begins.

    If it fails after that, as with a missing facility or limit, Cuebot only sends a mail: the list
    is empty then.
    """
    verify(farm, spec)
    if not is_launchable(farm, spec):
        return []
    jobs = []
    for plan in spec.jobs:
        job = launch_job(farm, plan)
        run_filters(farm, job)
        jobs.append(job)
    for depend in spec.depends:
        with suppress(Missing, Refusal):
            depends.add_planned(farm, farm.pending_job(depend.job), depend)
    for job, plan in zip(jobs, spec.jobs, strict=True):
        if plan.local is not None:
            with suppress(Missing, Refusal):
                add_partition(farm, job, plan.local)
    return jobs


def launch_soon(farm: Farm, spec: Spec) -> None:
    """Launch the jobs of a spec when their turn has come. Raises SpecError if not even now."""
    verify(farm, spec)
    enqueue(farm, launch_queued, spec)


def launch_queued(farm: Farm, spec: Spec) -> None:
    """Failures go unnoticed."""
    with suppress(SpecError):
        launch_spec(farm, spec)


def verify(farm: Farm, spec: Spec) -> None:
    """Raise SpecError if a spec may not be launched now."""
    for name in spec.names:
        if name in farm.pending:
            raise SpecError(f"The job {name} is already pending")
    try:
        show = by_name(farm.shows, spec.show)
    except Missing:
        raise SpecError(
            f"The {spec.show} does not exist. {ADMINISTRATOR} have this show created."
        ) from None
    except Refusal as refusal:
        raise SpecError(str(refusal).partition("\n")[2]) from None
    if not show.active:
        raise SpecError(
            f"The {spec.show} show has been deactivated.  {ADMINISTRATOR} reactivate this show."
        )


def all_jobs(spec: Spec) -> Iterator[JobPlan]:
    for job in spec.jobs:
        yield job
        if job.post is not None:
            yield job.post


def is_launchable(farm: Farm, spec: Spec) -> bool:
    """Whether all that the spec names is there, and none of its jobs twice."""
    facilities = {facility.name for facility in farm.facilities.values()}
    limits = {limit.name for limit in farm.limits.values()}
    plans = {job.full_name: {each.name: each.frames for each in job.layers} for job in spec.jobs}
    return (
        len(plans) == len(spec.jobs)
        and all(not job.facility or job.facility in facilities for job in spec.jobs)
        and all(fits_in_tables(job) for job in all_jobs(spec))
        and all(limits.issuperset(layer.limits) for job in all_jobs(spec) for layer in job.layers)
        and all(has_ends(farm, plans, depend) for depend in spec.depends)
    )


def fits_in_tables(job: JobPlan) -> bool:
    return (
        len(job.full_name) <= LONGEST_NAME
        and len(job.shot) <= LONGEST_SHOT
        and len(job.user) <= LONGEST_USER
        and all(len(layer.name) <= LONGEST_LAYER for layer in job.layers)
    )


def has_ends(farm: Farm, plans: Plans, depend: DependPlan) -> bool:
    """Whether a dependency will have two different ends."""
    level, on_level = LEVELS[depend.kind]
    if depend.job == depend.on_job and (
        "JOB" in (level, on_level)
        or (depend.kind in WHOLE_LAYERS and depend.layer == depend.on_layer)
    ):
        return False
    return has_part(farm, plans, depend.job, level, depend.layer, depend.frame) and has_part(
        farm, plans, depend.on_job, on_level, depend.on_layer, depend.on_frame
    )


def has_part(farm: Farm, plans: Plans, job: str, level: str, layer: str, frame: str) -> bool:
    """Whether a job of these has that layer and frame, as far as they matter, or is pending."""
    if job not in plans:
        return job in farm.pending
    if level == "JOB":
        return True
    frames = plans[job].get(layer)
    number = int(frame.partition("-")[0] or 0)
    return frames is not None and (level == "LAYER" or number in frames)
