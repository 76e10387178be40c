"""monitoring.MonitoringInterface.

OpenCue 1.37 has its history in a search engine beside Cuebot, and its ManageMonitoring answers
UNIMPLEMENTED. Here all of it is answered, from what is still on the farm, in the terms of the
protos: time ranges and time stamps of events in milliseconds, all other times in seconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cuebot_simulator.services.criteria import compiled, fits, matches
from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world import history
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm

PAGE_SIZE = 100
"""How many there are on a page when the request does not say."""
MOST_RECORDS = 1000
"""How many there are without pages when the request does not say."""


def page_of(records: Sequence[Any], request: Any, answer: Any) -> Sequence[Any]:
    """The page that a request asks for, of which the answer then tells. Pages count from 1."""
    page, size = max(request.page, 1), request.page_size
    if size < 1:
        size = PAGE_SIZE
    fill(
        answer.pagination,
        page=page,
        page_size=size,
        total_pages=-(-len(records) // size),
        total_records=len(records),
    )
    return records[(page - 1) * size : page * size]


def latest_first(jobs: Iterable[Any]) -> list[Any]:
    return sorted(jobs, key=lambda job: (-job.start_time, job.name))


def jobs_meant(farm: Farm, request: Any) -> list[Any]:
    """The jobs with the id or else the name of a request; a name may have been used again."""
    if request.job_id:
        return [job for job in [farm.jobs.get(request.job_id)] if job]
    return latest_first(job for job in farm.jobs.values() if job.name == request.job_name)


def get_job_history(farm: Farm, request: Any, answer: Any) -> None:
    """Jobs, the latest first, pending ones too."""
    patterns = compiled(request.job_name_regex)
    jobs = latest_first(
        job
        for job in farm.jobs.values()
        if fits(job.show, request.shows)
        and fits(job.user, request.users)
        and fits(job.shot, request.shots)
        and matches(job.name, patterns)
        and (not request.states or job.state in request.states)
        and history.was_pending(farm, job, request.time_range)
    )
    if request.max_results > 0:
        jobs = jobs[: request.max_results]
    answer.jobs.extend(history.past_job(farm, job) for job in page_of(jobs, request, answer))


def get_layer_history(farm: Farm, request: Any, answer: Any) -> None:
    """The layers of jobs that were pending in the time range."""
    layers = [
        layer
        for job in jobs_meant(farm, request)
        if history.was_pending(farm, job, request.time_range)
        for layer in farm.layers_of(job)
    ]
    found = page_of(layers, request, answer)
    answer.layers.extend(history.past_layer(farm, layer) for layer in found)


def get_frame_history(farm: Farm, request: Any, answer: Any) -> None:
    """The frames to which anything has happened yet."""
    frames = [
        frame
        for job in jobs_meant(farm, request)
        for frame in history.past_frames(farm, job, request.layer_names)
        if (not request.states or frame.state in request.states)
        and history.frame_in_range(farm, frame, request.time_range)
    ]
    found = page_of(frames, request, answer)
    answer.frames.extend(history.past_frame(farm, frame) for frame in found)


def get_host_history(farm: Farm, request: Any, answer: Any) -> None:
    """When hosts were last started, the latest first. Nothing else that happened to them is kept.

    A request's states are those that the hosts are in now.
    """
    facilities = {each.name: each.facility for each in farm.allocations.values()}
    hosts = [
        host
        for host in farm.hosts.values()
        if fits(host.name, request.host_names)
        and fits(facilities[host.alloc_name], request.facilities)
        and fits(host.alloc_name, request.allocations)
        and (not request.states or host.state in request.states)
        and history.in_range(request.time_range, host.boot_time, host.boot_time)
    ]
    hosts.sort(key=lambda host: (-host.boot_time, host.name))
    answer.events.extend(
        history.boot_event(farm, host, facilities[host.alloc_name])
        for host in page_of(hosts, request, answer)
    )


def get_farm_statistics(farm: Farm, request: Any, answer: Any) -> None:
    """The farm now, if that is in the time range; of the past no numbers are kept."""
    if history.in_range(request.time_range, farm.now, farm.now):
        answer.statistics.append(history.snapshot(farm, request.shows))


def get_layer_memory_history(farm: Farm, request: Any, answer: Any) -> None:
    """What frames needed in layers whose names match a regular expression, the latest first."""
    patterns = compiled([request.layer_name])
    layers = [
        layer
        for layer in farm.layers.values()
        if matches(layer.name, patterns)
        and fits(farm.jobs[layer.parent_id].show, request.shows)
        and history.was_pending(farm, farm.jobs[layer.parent_id], request.time_range)
    ]
    records = [record for layer in layers if (record := history.layer_memory(farm, layer))]
    records.sort(key=lambda each: (-each.timestamp, each.job_name, each.layer_name))
    most = request.max_results if request.max_results > 0 else MOST_RECORDS
    answer.records.extend(records[:most])


METHODS: Mapping[str, Handler] = {
    "GetFarmStatistics": get_farm_statistics,
    "GetFrameHistory": get_frame_history,
    "GetHostHistory": get_host_history,
    "GetJobHistory": get_job_history,
    "GetLayerHistory": get_layer_history,
    "GetLayerMemoryHistory": get_layer_memory_history,
}
