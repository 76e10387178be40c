"""The dispatcher: which frames run where, as far as a farm needs it to look alive."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from operator import itemgetter
from typing import Any, TypeAlias

from cuebot_simulator.world.failures import fate_of
from cuebot_simulator.world.frame_actions import end_frame
from cuebot_simulator.world.frames import start_frame, state_of, units_of
from cuebot_simulator.world.hosts import note_report, reports
from cuebot_simulator.world.jobs import pick
from cuebot_simulator.world.limits import limits_allow
from cuebot_simulator.world.messages import enum_name, given
from cuebot_simulator.world.partitions import drop_finished, frames_for, partitions_on
from cuebot_simulator.world.state import Farm, is_bookable, is_pending

BEAT_SECONDS = 5.0
"""Between two reports of a host. Idle ones get work then."""
JOBS_SORTED_AT_ONCE = 250  # jobs that are sorted at the same moment; others follow a little later
LONGEST_QUEUE = 1000  # further jobs wait for the next beat
REPORTS_AT_ONCE = 10  # hosts or procs that report at the same moment; others follow a little later
JOBS_LOOKED_AT = 20

Place: TypeAlias = tuple[int, int, str]
"""The sort key of the queue, the most urgent first."""


class Dispatcher:
    """Gives waiting frames of pending jobs to idle hosts, and ends them."""

    def __init__(self, farm: Farm) -> None:
        self._farm = farm
        self.queue: list[Any] = []
        """Jobs that could start something, the most urgent first."""
        self._seen: list[tuple[Place, Any]] = []
        farm.dispatcher = self

    def start(self) -> None:
        self.sort(list(self._farm.pending), last=True)
        self._farm.agenda.after(BEAT_SECONDS, self.beat)

    def beat(self) -> None:
        farm = self._farm
        farm.agenda.after(BEAT_SECONDS, self.beat)
        drop_finished(farm)
        first, *others = list(batched(farm.pending, JOBS_SORTED_AT_ONCE)) or [()]
        self.sort(first, last=not others)
        for index, names in enumerate(others, start=1):
            farm.agenda.after(
                BEAT_SECONDS * index / (len(others) + 1),
                partial(self.sort, names, last=index == len(others)),
            )
        groups = [*batched(farm.procs, REPORTS_AT_ONCE), *batched(farm.hosts, REPORTS_AT_ONCE)]
        for index, group in enumerate(groups):
            farm.agenda.after(BEAT_SECONDS * index / len(groups), partial(self.report, group))

    def sort(self, names: Sequence[str], *, last: bool) -> None:
        """Take pending jobs that could start something into the queue of the next beat.

        The `last` of them complete it.
        """
        farm = self._farm
        jobs = [farm.pending[name] for name in names if name in farm.pending]
        self._seen += [
            ((-job.priority, job.start_time, job.name), job)
            for job in jobs
            if not job.is_paused and farm.tallies[job.id].states["WAITING"]
        ]
        self._seen.sort(key=itemgetter(0))
        del self._seen[LONGEST_QUEUE:]
        if last:
            self.queue = [job for _, job in self._seen]
            self._seen = []

    def report(self, ids: Sequence[str]) -> None:
        for key in ids:
            if key in self._farm.procs:
                self.report_proc(self._farm.procs[key])
            elif key in self._farm.hosts:
                self.report_host(self._farm.hosts[key])

    def report_host(self, host: Any) -> None:
        if reports(self._farm, host):
            self._farm.executed["report"] += 1
        note_report(self._farm, host)
        if host.id not in self._farm.silent:
            self.book(host)

    def report_proc(self, proc: Any) -> None:
        """A proc reports that its memory has grown towards what it needs."""
        farm = self._farm
        if farm.host_of[proc.id] in farm.silent:
            return
        frame = farm.frames[farm.parent_of[proc.id]]
        proc.ping_time = frame.llu_time = farm.now
        most = proc.reserved_memory * pick(farm, f"memory/{frame.id}", 50, 95) // 100
        done = min((farm.now - frame.start_time) * 4, 100)
        proc.used_memory = frame.used_memory = most * (20 + done * 8 // 10) // 100
        frame.max_rss = max(frame.max_rss, frame.used_memory)

    def book(self, host: Any) -> None:
        """Give a host frames until it is full: those of its render partitions, if it has any."""
        farm = self._farm
        farm.executed["booking"] += 1
        if host.id in farm.restarting or enum_name(host, "state") != "UP":
            return
        if partitions := partitions_on(farm, host):
            for partition in partitions if enum_name(host, "lock_state") != "LOCKED" else ():
                self.book_partition(partition, host)
            return
        if not is_bookable(host):
            return
        looked_at = 0
        for job in self.queue:
            if host.idle_cores < 1 or looked_at == JOBS_LOOKED_AT:
                return
            waits = farm.tallies[job.id].states["WAITING"]
            if waits and not job.is_paused and is_pending(job):
                looked_at += 1
                self.book_job(job, host)

    def book_job(self, job: Any, host: Any) -> None:
        """Give a host frames of one job, as long as they fit."""
        farm = self._farm
        for layer in farm.layers_of(job):
            waiting = farm.tallies[layer.id].states["WAITING"]
            if not waiting or not self.fits(layer, job, host):
                continue
            for frame in farm.frames_of(layer):
                if state_of(frame) == "WAITING":
                    self.run(frame, host)
                    if not self.fits(layer, job, host):
                        break

    def book_partition(self, partition: Any, host: Any) -> int:
        """Give a host frames of one of its render partitions. Returns their number."""
        started = 0
        for frame in frames_for(self._farm, partition, host):
            self.run(frame, host, partition=partition)
            started += 1
        return started

    def fits(self, layer: Any, job: Any, host: Any) -> bool:
        farm = self._farm
        units = units_of(layer, host)
        return (
            host.idle_cores * 100 >= units
            and (layer.min_cores > 0 or host.idle_cores == host.cores)
            and host.idle_memory >= layer.min_memory
            and host.idle_gpus >= layer.min_gpus
            and host.idle_gpu_memory >= layer.min_gpu_memory
            and not set(layer.tags).isdisjoint(host.tags)
            and given(layer, "start_after", 0) <= farm.now
            and (
                job.max_cores <= 0
                or farm.tallies[job.id].reserved + units <= round(job.max_cores * 100)
            )
            and self.show_may(job, host, units)
            and limits_allow(farm, layer, host)
        )

    def show_may(self, job: Any, host: Any, units: int) -> bool:
        """Whether the job's show books here, and has enough left of its burst."""
        farm = self._farm
        show = farm.show_of(farm.group_of(job))
        taken = farm.reserved[show.name, host.alloc_name]
        return (
            show.active
            and show.booking_enabled
            and show.dispatch_enabled
            and not given(show, "scheduler_managed", False)
            and any(
                taken + units <= subscription.burst
                for subscription in farm.subscriptions.values()
                if subscription.show_name == show.name
                and subscription.allocation_name == host.alloc_name
            )
        )

    def run(self, frame: Any, host: Any, *, ago: int = 0, partition: Any = None) -> None:
        """Start a frame, as if it had been running for `ago` seconds."""
        farm = self._farm
        proc = start_frame(farm, frame, host, started=farm.now - ago, partition=partition)
        fate = fate_of(farm, frame)
        left = max(fate.seconds - ago, 1)
        farm.fates[frame.id] = fate._replace(seconds=ago + left)
        farm.agenda.after(left, partial(self.end, proc.id, frame, host, fate.exit_status))

    def end(self, proc: str, frame: Any, host: Any, exit_status: int) -> None:
        """End a frame that the proc still runs. Its host, unless redirected, gets the next.

        Of a silent host, Cuebot hears it later.
        """
        farm = self._farm
        if proc in farm.procs and host.id in farm.silent:
            farm.agenda.after(BEAT_SECONDS, partial(self.end, proc, frame, host, exit_status))
        elif proc in farm.procs:
            redirected = proc in farm.redirects
            end_frame(farm, frame, exit_status)
            if not redirected:
                self.book(host)


def batched(things: Iterable[str], size: int) -> Iterator[tuple[str, ...]]:
    """Groups of this size, the last perhaps smaller."""
    rest = iter(things)
    while batch := tuple(islice(rest, size)):
        yield batch
