"""The life of a frame: it starts on a host, stops, and changes its state.

All changes of frames go through here, so that hosts, procs and statistics follow.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any

from cuebot_simulator.world.messages import enum_name, fill, given
from cuebot_simulator.world.redirects import follow_redirect
from cuebot_simulator.world.state import NO_LIMIT_NAME, Farm, is_pending
from cuebot_simulator.world.tallies import Tally
from cuebot_simulator.world.tries import note_earlier

EXIT_RETRIED = 500
EXIT_EATEN = 506
"""Cuebot's own: 500 plus the number of the state that a running frame was put into by hand."""
NEVER_RAN = -1
NO_TRY = (NEVER_RAN, 256, 286, 299, 301, 302, 399)
"""Exit statuses after which another start does not count as a retry."""
HELD_BACK = ("DEAD", "SUCCEEDED", "WAITING", "CHECKPOINT")
"""States in which a frame with an active dependency goes to DEPEND."""
LONGEST_CHECKPOINT_SECONDS = 300  # Cuebot's patience with a checkpoint
LONGEST_RETRIED_SECONDS = 12 * 3600  # a failed try that took longer is the last


def state_of(frame: Any) -> str:
    return enum_name(frame, "state")


def tallies_of(farm: Farm, layer: Any) -> Iterator[Tally]:
    """The statistics that the frames of a layer count in, the layer's own first."""
    job = farm.jobs[layer.parent_id]
    things = [layer, job]
    if is_pending(job):
        group = farm.group_of(job)
        things += [group, farm.show_of(group)]
    farm.mark_stale(*things)
    for thing in things:
        yield farm.tallies[thing.id]


def change_frame(farm: Farm, frame: Any, **values: Any) -> None:
    """Set fields of a frame, and count its state, which `settle_state` may change again."""
    before = state_of(frame)
    fill(frame, **values)
    farm.changed_at[frame.id] = farm.agenda.now
    settle_state(farm, frame, before)
    after = state_of(frame)
    if before == after:
        return
    show_override(farm, frame)
    if after == "CHECKPOINT":
        farm.agenda.after(LONGEST_CHECKPOINT_SECONDS, partial(give_up_checkpoint, farm, frame))
    for tally in tallies_of(farm, farm.layer_of(frame)):
        tally.states[before] -= 1
        tally.states[after] += 1


def settle_state(farm: Farm, frame: Any, before: str) -> None:
    """Apply the rules of Cuebot's database to the new state of a frame.

    A succeeded frame is not eaten. One that ran with checkpoints finishes its checkpoint before it
    waits. With active dependencies it goes to DEPEND, unless it runs or is eaten.
    """
    state = state_of(frame)
    if state == "EATEN" and before == "SUCCEEDED":
        fill(frame, state="SUCCEEDED")
    elif (
        state == "WAITING"
        and before == "RUNNING"
        and enum_name(frame, "checkpoint_state") in ("ENABLED", "COPYING")
    ):
        fill(frame, state="CHECKPOINT")
    if wait_count(farm, frame) and state_of(frame) in HELD_BACK:
        fill(frame, state="DEPEND")


def wait_count(farm: Farm, frame: Any) -> int:
    """The number of dependencies that hold a frame back."""
    number = farm.wait_counts.get(frame.id)
    return farm.wait_counts.get(farm.parent_of[frame.id], 0) if number is None else number


def count_waits(farm: Farm, part: Any, step: int) -> None:
    """Count one dependency more (1) or less (-1) for a frame, or for all of a layer or job.

    Lazy frames stay lazy.
    """
    if part.id in farm.jobs:
        for layer in farm.layers_of(part):
            count_waits(farm, layer, step)
    elif farm.frames.is_lazy(part.id):
        number = max(farm.wait_counts.get(part.id, 0) + step, 0)
        farm.wait_counts[part.id] = number
        change_lazy_layer(farm, part, "DEPEND" if number else "WAITING")
    elif part.id in farm.layers:
        for frame in farm.frames_of(part):
            count_waits(farm, frame, step)
    else:
        set_waits(farm, part, max(wait_count(farm, part) + step, 0))


def set_waits(farm: Farm, frame: Any, number: int) -> None:
    """Set the number of dependencies that hold a frame back. Without any, it waits to start."""
    before = wait_count(farm, frame)
    farm.wait_counts[frame.id] = number
    if before and not number and state_of(frame) == "DEPEND":
        change_frame(farm, frame, state="WAITING", eligible_time=farm.now)
    elif before != number:
        change_frame(farm, frame)


def change_lazy_layer(farm: Farm, layer: Any, state: str) -> None:
    before = farm.lazy_states[layer.id]
    if before == state:
        return
    farm.lazy_states[layer.id] = state
    count = farm.tallies[layer.id].states[before]
    for tally in tallies_of(farm, layer):
        tally.states[before] -= count
        tally.states[state] += count


def give_up_checkpoint(farm: Farm, frame: Any) -> None:
    if state_of(frame) == "CHECKPOINT":
        change_frame(farm, frame, state="WAITING", checkpoint_state="DISABLED")


def start_frame(
    farm: Farm, frame: Any, host: Any, *, started: int | None = None, partition: Any = None
) -> Any:
    """Run a frame on a host, since `started` or now. Returns its proc.

    In a render partition it gets the cores that are set there.
    """
    now = farm.now
    since = now if started is None else started
    job, layer = farm.job_of(frame), farm.layer_of(frame)
    units, gpus, memory, gpu_memory = needs_of(layer, host, partition)
    name = f"{host.name}/{units / 100:.2f}/{gpus}"
    proc = farm.add(
        farm.procs,
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
    farm.host_of[proc.id] = host.id
    if partition:
        farm.partition_of[proc.id] = partition.id
    farm.own(frame.id, proc.id)
    note_earlier(farm.earlier_tries[frame.id], frame, farm.fates)
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


def needs_of(layer: Any, host: Any, partition: Any) -> tuple[int, int, int, int]:
    """Hundredths of cores, GPUs, memory and GPU memory for a frame, none below 0."""
    units = partition.threads * 100 if partition else units_of(layer, host)
    needs = (units, round(layer.min_gpus), layer.min_memory, layer.min_gpu_memory)
    units, gpus, memory, gpu_memory = (max(need, 0) for need in needs)
    return units, gpus, memory, gpu_memory


def units_of(layer: Any, host: Any) -> int:
    """Hundredths of cores that a frame takes. With 0 or less, it takes a host but so many.

    Without threads it then takes one core at most.
    """
    units: int = round(layer.min_cores * 100)
    if units > 0:
        return units
    left: int = round(host.cores * 100) + units
    return left if layer.is_threadable else min(left, 100)


def stop_frame(farm: Farm, frame: Any, state: str, exit_status: int) -> None:
    """Take a running frame off its host, and leave it in `state`."""
    now, core_time, gpu_time = farm.now, 0, 0
    for proc in farm.procs_of([frame]):
        host = farm.hosts[farm.host_of.pop(proc.id)]
        take(farm, frame, proc, host, -1)
        farm.partition_of.pop(proc.id, None)
        follow_redirect(farm, proc, host)
        core_time += int((now - frame.start_time) * proc.reserved_cores)
        gpu_time += int((now - frame.start_time) * proc.reserved_gpus)
        farm.disown(proc.id)
        del farm.procs[proc.id]
    note_try(farm, frame, exit_status == 0, now - frame.start_time, core_time, gpu_time)
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


def note_try(farm: Farm, frame: Any, succeeded: bool, *seconds: int) -> None:
    """Count a finished try (see Tally) in all statistics that the frame is part of."""
    for tally in tallies_of(farm, farm.layer_of(frame)):
        tally.note_try(succeeded, *seconds)
        tally.max_rss = max(tally.max_rss, frame.max_rss)


def take(farm: Farm, frame: Any, proc: Any, host: Any, sign: int) -> None:
    """Take what a proc needs from its host (1), or give it back (-1), and count it.

    What runs in a render partition counts in its layer, but not for its show or job.
    """
    local = proc.id in farm.partition_of
    units = round(proc.reserved_cores * 100)
    gpus = round(proc.reserved_gpus)
    host.idle_cores -= sign * units / 100
    host.idle_gpus -= sign * gpus
    host.idle_memory -= sign * proc.reserved_memory
    host.free_memory -= sign * proc.reserved_memory
    host.idle_gpu_memory -= sign * proc.reserved_gpu_memory
    if not local:
        farm.reserved[proc.show_name, host.alloc_name] += sign * units
    for limit in {*farm.layer_of(frame).limits} - {NO_LIMIT_NAME}:
        farm.running_with[limit] += sign
    for tally in tallies_of(farm, farm.layer_of(frame)):
        tally.reserved += sign * units
        tally.gpus += sign * gpus
        if local:
            break


def state_after_failure(farm: Farm, frame: Any) -> str:
    """The next state of a running frame that fails now.

    It is eaten if its job eats; dead after its last try, or one that took too long; else it waits.
    """
    job, layer = farm.job_of(frame), farm.layer_of(frame)
    if job.auto_eat:
        return "EATEN"
    seconds = farm.now - frame.start_time
    timeout = given(layer, "timeout", 0) * 60
    if (timeout and seconds > timeout) or seconds > LONGEST_RETRIED_SECONDS:
        return "DEAD"
    return "DEAD" if frame.retry_count >= farm.max_retries[job.id] else "WAITING"


def show_override(farm: Farm, frame: Any) -> None:
    """Let a frame show the override for its present state, if there is one."""
    for override in farm.display_overrides.get(frame.id, ()):
        if override.state == frame.state:
            fill(frame, frame_state_display_override=override)
            return
    if farm.display_overrides.get(frame.id):
        frame.ClearField("frame_state_display_override")


def set_override(farm: Farm, frame: Any, override: Any) -> None:
    """Override how one state of a frame is displayed (a job.FrameStateDisplayOverride)."""
    kept = [each for each in farm.display_overrides[frame.id] if each.state != override.state]
    farm.display_overrides[frame.id] = [*kept, override]
    show_override(farm, frame)
