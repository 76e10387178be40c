"""The state of a render farm in memory, and what changes it.

Entities are the schema's own messages, in dictionaries by id. `parent_of` and `children_of` say
what the messages do not: a proc belongs to its frame, a frame to its layer, a layer to its job, a
job to its group, a group to its show. Whoever changes a frame through `Farm` finds every sum up
to date afterwards.
"""

import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from gateway.demo.failures import Missing
from gateway.demo.messages import Messages, enum_name, fill
from gateway.demo.statistics import allocation_stats, frame_stats, group_stats, show_stats

MAX_RETRIES = 1
"""How often a failed frame starts again by itself."""

EXIT_KILLED = 1
"""What RQD reports for a process that a signal ended."""
EXIT_RETRIED = 500
EXIT_EATEN = 506
"""Cuebot's own: 500 and the number of the state that a running frame was put into by hand."""

NAMESPACE = uuid.UUID("6f1c1f0e-6a53-4d0a-9c0b-6c7565626f74")


class Farm:
    """An empty farm. `clock` gives the Unix time; `seed` decides all ids."""

    def __init__(
        self, messages: Messages, *, seed: int = 1, clock: Callable[[], float] = time.time
    ) -> None:
        self.messages = messages
        self.seed = seed
        self.clock = clock
        self.shows: dict[str, Any] = {}
        self.groups: dict[str, Any] = {}
        self.jobs: dict[str, Any] = {}
        self.layers: dict[str, Any] = {}
        self.frames: dict[str, Any] = {}
        self.procs: dict[str, Any] = {}
        self.hosts: dict[str, Any] = {}
        self.owners: dict[str, Any] = {}
        self.deeds: dict[str, Any] = {}
        self.facilities: dict[str, Any] = {}
        self.allocations: dict[str, Any] = {}
        self.subscriptions: dict[str, Any] = {}
        self.services: dict[str, Any] = {}
        self.limits: dict[str, Any] = {}
        self.comments: defaultdict[str, list[Any]] = defaultdict(list)
        """Comments by the id of their job or host."""
        self.parent_of: dict[str, str] = {}
        self.children_of: defaultdict[str, list[str]] = defaultdict(list)
        self.host_of: dict[str, str] = {}
        """Proc id to host id."""

    def now(self) -> int:
        """The time in whole Unix seconds."""
        return int(self.clock())

    def make_id(self, key: str) -> str:
        """The id for a key such as `show/demo`: the same for the same seed."""
        return str(uuid.uuid5(NAMESPACE, f"{self.seed}/{key}"))

    def own(self, parent: str, child: str) -> None:
        """Note that the thing with id `child` belongs to the one with id `parent`."""
        self.parent_of[child] = parent
        self.children_of[parent].append(child)

    # Where things are.

    def layers_of(self, job: Any) -> list[Any]:
        """A job's layers, in dispatch order."""
        layers = [self.layers[layer] for layer in self.children_of[job.id]]
        return sorted(layers, key=lambda layer: layer.dispatch_order)

    def frames_of(self, owner: Any) -> list[Any]:
        """A job's or a layer's frames, in dispatch order."""
        if owner.id in self.layers:
            return [self.frames[frame] for frame in self.children_of[owner.id]]
        frames = [frame for layer in self.layers_of(owner) for frame in self.frames_of(layer)]
        return sorted(frames, key=lambda frame: frame.dispatch_order)

    def job_of(self, frame: Any) -> Any:
        """The job of a frame."""
        return self.jobs[self.parent_of[self.parent_of[frame.id]]]

    def jobs_of(self, group: Any) -> list[Any]:
        """All jobs of a group, finished ones too."""
        return [self.jobs[job] for job in self.children_of[group.id]]

    def groups_of(self, show: Any) -> list[Any]:
        """All groups of a show, by level and name."""
        groups = [self.groups[group] for group in self.children_of[show.id]]
        return sorted(groups, key=lambda group: (group.level, group.name))

    def show_of(self, group: Any) -> Any:
        """The show of a group."""
        return self.shows[self.parent_of[group.id]]

    def procs_of(self, frames: Iterable[Any]) -> list[Any]:
        """The procs that run these frames."""
        return [self.procs[proc] for frame in frames for proc in self.children_of[frame.id]]

    def pending_job(self, name: str) -> Any:
        """The pending job of that name. Raises Missing."""
        return find_one(
            self.jobs, lambda job: job.name == name and enum_name(job, "state") == "PENDING"
        )

    # What happens to frames.

    def start_frame(self, frame: Any, host: Any, cores: float, memory: int) -> Any:
        """Run a frame on a host: the proc that does, which takes cores and memory (KB) from it."""
        now = self.now()
        job = self.job_of(frame)
        layer = self.layers[self.parent_of[frame.id]]
        name = f"{host.name}/{cores:.2f}/0"
        proc = self.messages.new(
            "host.Proc",
            id=self.make_id(f"proc/{frame.id}/{frame.retry_count}/{now}"),
            name=name,
            show_name=job.show,
            job_name=job.name,
            frame_name=frame.name,
            group_name=job.group,
            ping_time=now,
            bookedTime=frame.start_time or now,
            dispatch_time=frame.start_time or now,
            reserved_memory=memory,
            used_memory=memory * 3 // 4,
            reserved_cores=cores,
            log_path=f"{job.log_dir}/{job.name}.{frame.name}.rqlog",
            services=list(layer.services),
        )
        self.procs[proc.id] = proc
        self.host_of[proc.id] = host.id
        self.own(frame.id, proc.id)
        take(host, cores, memory)
        fill(
            frame,
            state="RUNNING",
            start_time=frame.start_time or now,
            stop_time=0,
            last_resource=name,
            reserved_memory=memory,
            used_memory=memory * 3 // 4,
        )
        return proc

    def stop_frame(self, frame: Any, state: str, exit_status: int) -> None:
        """Take a running frame off its host and leave it in `state`."""
        now = self.now()
        for proc in self.procs_of([frame]):
            host = self.hosts[self.host_of.pop(proc.id)]
            take(host, -proc.reserved_cores, -proc.reserved_memory)
            frame.total_core_time += int((now - frame.start_time) * proc.reserved_cores)
            del self.procs[proc.id], self.parent_of[proc.id]
        self.children_of[frame.id].clear()
        fill(frame, state=state, exit_status=exit_status, stop_time=now, used_memory=0)

    def kill_frames(self, frames: Sequence[Any]) -> None:
        """End what runs. A killed frame has failed: it waits for its next try, if it has one.

        What does not run is left alone.
        """
        for frame in frames:
            if enum_name(frame, "state") == "RUNNING":
                self.stop_frame(frame, self.state_after_failure(frame), EXIT_KILLED)
        self.settle(frames)

    def state_after_failure(self, frame: Any) -> str:
        """Where a frame goes that failed: eaten in a job that eats, else dead or waiting."""
        if self.job_of(frame).auto_eat:
            return "EATEN"
        return "DEAD" if frame.retry_count >= MAX_RETRIES else "WAITING"

    def eat_frames(self, frames: Sequence[Any]) -> None:
        """Count frames as done. One that has succeeded stays so."""
        for frame in frames:
            state = enum_name(frame, "state")
            if state == "RUNNING":
                self.stop_frame(frame, "EATEN", EXIT_EATEN)
            elif state != "SUCCEEDED":
                fill(frame, state="EATEN")
        self.settle(frames)

    def retry_frames(self, frames: Sequence[Any]) -> None:
        """Let frames wait for another try, and their jobs be pending again.

        One that depends on others goes on doing so.
        """
        for frame in frames:
            state = enum_name(frame, "state")
            if state == "RUNNING":
                self.stop_frame(frame, "WAITING", EXIT_RETRIED)
            elif state != "DEPEND":
                fill(frame, state="WAITING")
            fill(self.job_of(frame), state="PENDING")
        self.settle(frames)

    def finish_job(self, job: Any) -> None:
        """End a pending job. Its running frames are stopped, and wait."""
        if enum_name(job, "state") != "PENDING":
            return
        for frame in self.frames_of(job):
            if enum_name(frame, "state") == "RUNNING":
                self.stop_frame(frame, "WAITING", EXIT_RETRIED)
        fill(job, state="FINISHED", stop_time=self.now())
        self.count_job(job)

    def settle(self, frames: Iterable[Any]) -> None:
        """Count the jobs of these frames again, and finish those that have nothing left to do."""
        for job in {job.id: job for job in map(self.job_of, frames)}.values():
            self.count_job(job)
            stats = job.job_stats
            if stats.succeeded_frames + stats.eaten_frames == stats.total_frames:
                self.finish_job(job)

    # Sums.

    def count_job(self, job: Any) -> None:
        """Bring the statistics of a job, its layers, its group and its show up to date."""
        for layer in self.layers_of(job):
            fill(layer.layer_stats, **self.stats_of(layer))
        fill(job.job_stats, total_layers=len(self.children_of[job.id]), **self.stats_of(job))
        group = self.groups[self.parent_of[job.id]]
        fill(group.group_stats, **group_stats(self.jobs_of(group)))
        show = self.show_of(group)
        jobs = [job for each in self.groups_of(show) for job in self.jobs_of(each)]
        fill(show.show_stats, **show_stats(jobs))

    def stats_of(self, owner: Any) -> dict[str, Any]:
        """The statistics of a job or a layer."""
        frames = self.frames_of(owner)
        return frame_stats(frames, sum(proc.reserved_cores for proc in self.procs_of(frames)))

    def count_allocation(self, allocation: Any) -> Any:
        """The allocation, with its statistics up to date."""
        hosts = [host for host in self.hosts.values() if host.alloc_name == allocation.name]
        fill(allocation.stats, **allocation_stats(hosts))
        return allocation

    def subscriptions_where(self, wanted: Callable[[Any], bool]) -> list[Any]:
        """The subscriptions that are wanted, each with its present sums."""
        return [
            self.count_subscription(each) for each in self.subscriptions.values() if wanted(each)
        ]

    def count_subscription(self, subscription: Any) -> Any:
        """The subscription, with the core units (hundredths) its show has reserved there."""
        reserved = sum(
            proc.reserved_cores
            for proc in self.procs.values()
            if proc.show_name == subscription.show_name
            and self.hosts[self.host_of[proc.id]].alloc_name == subscription.allocation_name
        )
        fill(subscription, reserved_cores=round(reserved * 100))
        return subscription

    # Ownership.

    def deed_of(self, host: Any) -> Any:
        """The deed of a host. Raises Missing when nobody owns it."""
        return find_one(self.deeds, lambda deed: deed.host == host.name)

    def give_deed(self, host: Any, owner: Any) -> None:
        """Make the owner the only one of this host."""
        for deed in [deed for deed in self.deeds.values() if deed.host == host.name]:
            del self.deeds[deed.id]
        deed = self.messages.new(
            "host.Deed",
            id=self.make_id(f"deed/{host.name}/{owner.name}"),
            host=host.name,
            owner=owner.name,
        )
        self.deeds[deed.id] = deed
        for each in self.owners.values():
            owned = sum(deed.owner == each.name for deed in self.deeds.values())
            fill(each, host_count=owned)


def take(host: Any, cores: float, memory: int) -> None:
    """Take cores and memory (KB) from what is idle on a host, or give them back if negative."""
    host.idle_cores -= cores
    host.idle_memory -= memory
    host.free_memory -= memory


def by_id(things: Mapping[str, Any], key: str) -> Any:
    """The thing with that id. Raises Missing."""
    try:
        return things[key]
    except KeyError:
        raise Missing from None


def by_name(things: Mapping[str, Any], name: str) -> Any:
    """The thing with that name. Raises Missing."""
    return find_one(things, lambda thing: thing.name == name)


def find_one(things: Mapping[str, Any], fits: Callable[[Any], bool]) -> Any:
    """The first thing that fits. Raises Missing."""
    for thing in things.values():
        if fits(thing):
            return thing
    raise Missing
