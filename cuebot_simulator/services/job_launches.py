"""job.JobInterface: how jobs begin."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.failures import NOTHING_FOUND, Refusal
from cuebot_simulator.world.launch_spec import launch_soon, launch_spec
from cuebot_simulator.world.spec import parse_spec
from cuebot_simulator.world.spec_xml import SpecError
from cuebot_simulator.world.state import Farm

NOT_QUEUED = "Failed to add job to launch queue"
NOT_LAUNCHED = "Failed to launch and add job"


def launch(farm: Farm, request: Any, answer: Any) -> None:
    """The names of the jobs, which are there a moment later."""
    try:
        spec = parse_spec(farm, request.spec)
        launch_soon(farm, spec)
    except SpecError as error:
        raise Refusal(f"{NOT_QUEUED}: {error}") from None
    answer.names.extend(spec.names)


def launch_and_wait(farm: Farm, request: Any, answer: Any) -> None:
    """The jobs. Of a launch that failed for itself, Cuebot says that it cannot find them."""
    try:
        spec = parse_spec(farm, request.spec)
        jobs = launch_spec(farm, spec)
    except SpecError as error:
        raise Refusal(f"{NOT_LAUNCHED}: {error}") from None
    if len(jobs) < len(spec.jobs):
        raise Refusal(f"{NOT_LAUNCHED}: {NOTHING_FOUND}")
    farm.write_stats()
    answer.jobs.jobs.extend(jobs)


METHODS: Mapping[str, Handler] = {
    "LaunchSpec": launch,
    "LaunchSpecAndWait": launch_and_wait,
}
