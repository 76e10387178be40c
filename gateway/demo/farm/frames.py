"""What a frame can do: start on a host, stop there, and change its state.

Whatever changes a frame goes through here, so that hosts, procs and statistics follow.
"""

from collections.abc import Callable, Iterator
from typing import Any

from gateway.demo.farm.messages import enum_name, fill
from gateway.demo.farm.state import Farm, is_pending
from gateway.demo.farm.tallies import Tally

EXIT_RETRIED = 500
EXIT_EATEN = 506
"""Cuebot's own: 500 and the number of the state that a running frame was put into by hand."""
NEVER_RAN = -1
NO_TRY = (NEVER_RAN, 256, 286, 299, EXIT_RETRIED)
"""Exit statuses after which another start does not count as a retry."""


def state_of(frame: Any) -> str:
    return enum_name(frame, "state")


def tallies_of(farm: Farm, layer: Any) -> Iterator[Tally]:
    """The statistics that the frames of a layer count in, the layer's own first."""
    job = farm.jobs[layer.parent_id]
    things = [layer, job]
    if is_pending(job):
        group = farm.group_of(job)
        things += [group, farm.show_of(group)]
    farm.uncount(*things)
    for thing in things:
        yield farm.tallies[thing.id]


def change_frame(farm: Farm, frame: Any, **values: Any) -> None:
    """Set fields of a frame, and count its state."""
    before = state_of(frame)
    fill(frame, **values)
    farm.changed_at[frame.id] = farm.agenda.now
    after = state_of(frame)
    if before != after:
        for tally in tallies_of(farm, farm.layer_of(frame)):
            tally.states[before] -= 1
            tally.states[after] += 1


def change_all(
    farm: Farm,
    part: Any,
    before: str,
    after: str,
    *,
    unless: Callable[[Farm, Any], bool] = lambda farm, part: False,
) -> None:
    """Bring a frame, or all frames of a layer, from one state into another.

    Frames that nobody has looked at stay a draft.
    """
    if part.id in farm.frames:
        if state_of(part) == before and not unless(farm, part):
            change_frame(farm, part, state=after)
    elif part.id not in farm.drafts:
        for frame in farm.frames_of(part):
            change_all(farm, frame, before, after, unless=unless)
    elif not unless(farm, part) and farm.draft_states[part.id] == before:
        farm.draft_states[part.id] = after
        count = farm.tallies[part.id].states[before]
        for tally in tallies_of(farm, part):
            tally.states[before] -= count
            tally.states[after] += count


def start_frame(farm: Farm, frame: Any, host: Any, *, started: int | None = None) -> Any:
    """Run a frame on a host, since `started` (now): the proc that does, with cores and memory."""
    now = farm.now
    since = now if started is None else started
    job, layer = farm.job_of(frame), farm.layer_of(frame)
    units, memory = round(layer.min_cores * 100), layer.min_memory
    gpus, gpu_memory = round(layer.min_gpus), layer.min_gpu_memory
    name = f"{host.name}/{units / 100:.2f}/{gpus}"
    proc = farm.messages.new(
        "host.Proc",
        id=farm.make_id(f"proc/{frame.id}/{frame.retry_count}/{since}"),
        name=name,
        show_name=job.show,
        job_name=job.name,
        frame_name=frame.name,
        group_name=job.group,
        ping_time=now,
        bookedTime=since,
        dispatch_time=since,
        reserved_memory=memory,
        used_memory=memory * 3 // 4,
        reserved_gpu_memory=gpu_memory,
        reserved_cores=units / 100,
        reserved_gpus=gpus,
        log_path=f"{job.log_dir}/{job.name}.{frame.name}.rqlog",
        services=list(layer.services),
    )
    farm.procs[proc.id] = proc
    farm.host_of[proc.id] = host.id
    farm.own(frame.id, proc.id)
    take(farm, frame, proc, host, 1)
    change_frame(
        farm,
        frame,
        state="RUNNING",
        retry_count=frame.retry_count + (frame.exit_status not in NO_TRY),
        start_time=since,
        stop_time=0,
        llu_time=now,
        last_resource=name,
        reserved_memory=memory,
        reserved_gpu_memory=gpu_memory,
        used_memory=memory * 3 // 4,
    )
    return proc


def stop_frame(farm: Farm, frame: Any, state: str, exit_status: int) -> None:
    """Take a running frame off its host, and leave it in `state`."""
    now, core_time, gpu_time = farm.now, 0, 0
    for proc in farm.procs_of([frame]):
        take(farm, frame, proc, farm.hosts[farm.host_of.pop(proc.id)], -1)
        core_time += int((now - frame.start_time) * proc.reserved_cores)
        gpu_time += int((now - frame.start_time) * proc.reserved_gpus)
        farm.disown(proc.id)
        del farm.procs[proc.id]
    note_try(
        farm,
        frame,
        succeeded=exit_status == 0,
        seconds=now - frame.start_time,
        core_seconds=core_time,
        gpu_seconds=gpu_time,
    )
    change_frame(
        farm,
        frame,
        state=state,
        exit_status=exit_status,
        stop_time=now,
        used_memory=0,
        total_core_time=frame.total_core_time + core_time,
        total_gpu_time=frame.total_gpu_time + gpu_time,
    )


def note_try(
    farm: Farm,
    frame: Any,
    *,
    succeeded: bool,
    seconds: int,
    core_seconds: int,
    gpu_seconds: int = 0,
) -> None:
    """Count a try that has ended in all statistics that the frame is part of."""
    for tally in tallies_of(farm, farm.layer_of(frame)):
        tally.note_try(
            succeeded=succeeded,
            seconds=seconds,
            core_seconds=core_seconds,
            gpu_seconds=gpu_seconds,
        )
        tally.max_rss = max(tally.max_rss, frame.max_rss)


def take(farm: Farm, frame: Any, proc: Any, host: Any, sign: int) -> None:
    """Take what a proc needs from its host (1), or give it back (-1), and count it."""
    units = round(proc.reserved_cores * 100)
    gpus = round(proc.reserved_gpus)
    host.idle_cores -= sign * units / 100
    host.idle_gpus -= sign * gpus
    host.idle_memory -= sign * proc.reserved_memory
    host.free_memory -= sign * proc.reserved_memory
    host.idle_gpu_memory -= sign * proc.reserved_gpu_memory
    farm.reserved[proc.show_name, host.alloc_name] += sign * units
    for limit in farm.layer_of(frame).limits:
        farm.running_with[limit] += sign
    for tally in tallies_of(farm, farm.layer_of(frame)):
        tally.reserved += sign * units
        tally.gpus += sign * gpus


def state_after_failure(farm: Farm, frame: Any) -> str:
    """Where a frame goes that failed: it waits for its next try, or is dead, or eaten."""
    job = farm.job_of(frame)
    if frame.retry_count < farm.max_retries[job.id]:
        return "WAITING"
    return "EATEN" if job.auto_eat else "DEAD"
