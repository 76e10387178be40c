"""The state of the farm: all entities, and their relations.

Entities are the schema's own messages, in dictionaries by id. `parent_of` and `children_of` have
the relations that messages lack: a proc belongs to its frame, a frame to its layer, a layer to its
job, a job to its group, a group to its show, and so on.
"""

import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cuebot_simulator.world.clock import Agenda, Clock
from cuebot_simulator.world.indexes import Frames, HostIndex
from cuebot_simulator.world.messages import Messages, enum_name, refill
from cuebot_simulator.world.refusals import Missing, found_several
from cuebot_simulator.world.tallies import Tally
from cuebot_simulator.world.tries import Fate, Try, last_try

NAMESPACE = uuid.UUID("6f1c1f0e-6a53-4d0a-9c0b-6c7565626f74")
DEFAULT_DEPARTMENT = "Unknown"
NO_LIMIT_NAME = ""
"""The limit that Cuebot shows for a layer without limits."""


class Farm:
    """An empty farm. `clock` gives the Unix time; `seed` decides all ids and random numbers."""

    def __init__(self, messages: Messages, *, seed: int = 1, clock: Clock = time.time) -> None:
        self.messages = messages
        self.seed = seed
        self.agenda = Agenda(clock)
        self.shows: dict[str, Any] = {}
        self.groups: dict[str, Any] = {}
        self.jobs: dict[str, Any] = {}
        self.layers: dict[str, Any] = {}
        self.frames = Frames()
        self.procs: dict[str, Any] = {}
        self.hosts: dict[str, Any] = {}
        self.owners: dict[str, Any] = {}
        self.deeds: dict[str, Any] = {}
        self.facilities: dict[str, Any] = {}
        self.allocations: dict[str, Any] = {}
        self.subscriptions: dict[str, Any] = {}
        self.services: dict[str, Any] = {}
        self.service_overrides: dict[str, Any] = {}
        self.limits: dict[str, Any] = {}
        self.filters: dict[str, Any] = {}
        self.matchers: dict[str, Any] = {}
        self.actions: dict[str, Any] = {}
        self.departments: dict[str, Any] = {}
        """The departments that shows use, one message per show and name."""
        self.department_names: list[str] = [DEFAULT_DEPARTMENT]
        self.tasks: dict[str, Any] = {}
        self.depends: dict[str, Any] = {}
        self.render_partitions: dict[str, Any] = {}
        self.comments: dict[str, Any] = {}  # they belong to a job or a host
        self.show_aliases: dict[str, str] = {}
        """Former names of archived shows, and the id of the show in their place."""
        self.whiteboards: dict[str, tuple[float, Any]] = {}
        """By show id: when its job whiteboard was last drawn, and the whiteboard."""
        self.pending: dict[str, Any] = {}  # pending jobs by name
        self.max_retries: defaultdict[str, int] = defaultdict(lambda: 1)
        """By job id: how often a failed frame restarts by itself."""
        self.subscribers: dict[str, list[str]] = {}
        """By job id: the addresses for a mail when it is over."""
        self.post_jobs: dict[str, Any] = {}
        """By job id: the job that becomes pending when that one is over."""
        self.outputs: dict[str, list[str]] = {}  # output paths by layer id
        self.frame_seconds: dict[str, tuple[int, int]] = {}
        """By layer id: how long its frames run, at least and at most."""
        self.changed_at: dict[str, float] = {}  # by frame id
        self.fates: dict[str, Fate] = {}
        """By id of a frame that has run: what becomes of its last try, or has."""
        self.earlier_tries: defaultdict[str, list[Try]] = defaultdict(list)
        """By frame id: all tries but the last one."""
        self.host_of = HostIndex()
        """By id of a proc or a render partition: the id of its host."""
        self.partition_of: dict[str, str] = {}
        """By id of a proc in a render partition: the partition's id."""
        self.redirects: dict[str, tuple[str, str]] = {}
        """By proc id: the job or group that its host works for next, and its batch."""
        self.restarting: dict[str, bool] = {}
        """By id of a host that will restart: whether it is off."""
        self.silent: set[str] = set()
        """Ids of hosts that Cuebot does not hear of, as of those that a network has lost."""
        self.dispatcher: Any = None
        self.reserved: Counter[tuple[str, str]] = Counter()
        """Hundredths of cores in use, by names of show and allocation."""
        self.running_with: Counter[str] = Counter()
        """The number of running frames by the name of a limit."""
        self.holds: dict[str, dict[str, Any]] = {}
        """By limit id: its holders in the last license report, by short host name."""
        self.executed: Counter[str] = Counter()
        """Reports of hosts (`report`), and looks for work for them (`booking`)."""
        self.default_allocation = ""
        """The id of the one for new hosts."""
        self.disabled_allocations: set[str] = set()
        """Ids of those that were deleted while they had subscriptions."""
        self.parent_of: dict[str, str] = {}
        self.children_of: defaultdict[str, list[str]] = defaultdict(list)
        self.lazy_states: dict[str, str] = {}  # by id of a lazy layer: the state of all its frames
        self.dependencies: defaultdict[str, list[str]] = defaultdict(list)
        """By id of a job, layer or frame: the dependencies that it waits for."""
        self.dependents: defaultdict[str, list[str]] = defaultdict(list)
        """By id of a job, layer or frame: the dependencies of others on it."""
        self.ends: dict[str, tuple[str, str]] = {}  # by dependency id: the ids of both ends
        self.wait_counts: dict[str, int] = {}
        """By id of a frame or a lazy layer: the dependencies that hold it back."""
        self.display_overrides: defaultdict[str, list[Any]] = defaultdict(list)
        """By frame id: job.FrameStateDisplayOverride messages."""
        self.tallies: defaultdict[str, Tally] = defaultdict(Tally)
        self.stale: dict[str, Any] = {}
        """Layers, jobs, groups and shows with outdated statistics, by id."""

    @property
    def now(self) -> int:
        """Whole Unix seconds."""
        return int(self.agenda.now)

    def make_id(self, key: str) -> str:
        """The id for a key such as `show/demo`; the same seed gives the same."""
        return str(uuid.uuid5(NAMESPACE, f"{self.seed}/{key}"))

    def new_id(self, key: str, things: Mapping[str, Any]) -> str:
        """As `make_id`, but not the id of any of these things."""
        made, number = self.make_id(key), 1
        while made in things:
            number += 1
            made = self.make_id(f"{key}/{number}")
        return made

    def add(self, things: dict[str, Any], kind: str, /, *, parent: str = "", **values: Any) -> Any:
        """A new thing among these: a message of this kind. `parent` is the id of what has it."""
        thing = things[values["id"]] = self.messages.new(kind, **values)
        if parent:
            self.own(parent, thing.id)
        return thing

    def own(self, parent: str, child: str) -> None:
        self.parent_of[child] = parent
        self.children_of[parent].append(child)

    def disown(self, child: str) -> None:
        self.children_of[self.parent_of.pop(child)].remove(child)

    # Where things are.

    def layers_of(self, job: Any) -> list[Any]:
        layers = [self.layers[child] for child in self.children_of[job.id] if child in self.layers]
        return sorted(layers, key=lambda layer: layer.dispatch_order)

    def frames_of(self, owner: Any) -> list[Any]:
        """A job's or a layer's frames, in dispatch order."""
        if owner.id not in self.layers:
            frames = [frame for layer in self.layers_of(owner) for frame in self.frames_of(layer)]
            return sorted(frames, key=lambda frame: frame.dispatch_order)
        self.frames.make(owner.id)
        return [self.frames[frame] for frame in self.children_of[owner.id]]

    def layer_of(self, frame: Any) -> Any:
        return self.layers[self.parent_of[frame.id]]

    def job_of(self, frame: Any) -> Any:
        return self.jobs[self.parent_of[self.parent_of[frame.id]]]

    def group_of(self, job: Any) -> Any:
        return self.groups[self.parent_of[job.id]]

    def jobs_of(self, group: Any) -> list[Any]:
        """All jobs of a group, finished ones, too."""
        return [self.jobs[job] for job in self.children_of[group.id]]

    def groups_of(self, show: Any) -> list[Any]:
        """All groups of a show, by level and name."""
        groups = [self.groups[group] for group in self.children_of[show.id] if group in self.groups]
        return sorted(groups, key=lambda group: (group.level, group.name))

    def root_group(self, show: Any) -> Any:
        return next(group for group in self.groups_of(show) if not group.parent_id)

    def show_of(self, group: Any) -> Any:
        return self.shows[self.parent_of[group.id]]

    def procs_of(self, frames: Iterable[Any]) -> list[Any]:
        return [self.procs[proc] for frame in frames for proc in self.children_of.get(frame.id, ())]

    def procs_on(self, host: Any) -> list[Any]:
        return [self.procs[key] for key in self.host_of.on(host.id) if key in self.procs]

    def tries_of(self, frame: Any) -> list[Try]:
        """All tries of a frame, the last one last."""
        return [*self.earlier_tries.get(frame.id, ()), *last_try(frame, self.fates)]

    def host_with(self, proc: Any) -> Any:
        return self.hosts[self.host_of[proc.id]]

    def pending_job(self, name: str) -> Any:
        """The pending job of that name. Raises Missing."""
        return by_id(self.pending, name)

    def comments_on(self, about: Any) -> list[Any]:
        """The comments on a job or a host, the oldest first."""
        children = self.children_of[about.id]
        return [self.comments[child] for child in children if child in self.comments]

    # Statistics.

    def mark_stale(self, *things: Any) -> None:
        """Write the statistics of these layers, jobs, groups or shows before the next answer."""
        self.stale.update((thing.id, thing) for thing in things)

    def write_stats(self) -> None:
        for key, thing in self.stale.items():
            if key in self.layers:
                stats = thing.layer_stats
            elif key in self.jobs:
                stats = thing.job_stats
            else:
                stats = thing.group_stats if key in self.groups else thing.show_stats
            refill(stats, self.tallies[key].stats())
        self.stale.clear()

    def catch_up(self, most: int | None = None) -> bool:
        """Let everything happen that is due, in at most `most` steps. True if that was all."""
        done = self.agenda.catch_up(most)
        self.write_stats()
        return done


def by_id(things: Mapping[str, Any], key: str) -> Any:
    """The thing with that id. Raises Missing."""
    try:
        return things[key]
    except KeyError:
        raise Missing from None


def by_name(things: Mapping[str, Any], name: str) -> Any:
    """The one thing with that name. Raises Missing, or Refusal when several have it."""
    return find_only(things, lambda thing: thing.name == name)


def by_id_or_name(things: Mapping[str, Any], key: str) -> Any:
    """The one thing with that name, or with that id. Raises Missing, or Refusal."""
    return find_only(things, lambda thing: key in (thing.name, thing.id))


def find_one(things: Mapping[str, Any], fits: Callable[[Any], bool]) -> Any:
    """The first thing that fits. Raises Missing."""
    for thing in things.values():
        if fits(thing):
            return thing
    raise Missing


def find_only(things: Mapping[str, Any], fits: Callable[[Any], bool]) -> Any:
    """The one thing that fits. Raises Missing, or Refusal when several do."""
    found = [thing for thing in things.values() if fits(thing)]
    if len(found) > 1:
        raise found_several(len(found))
    if not found:
        raise Missing
    return found[0]


def is_pending(job: Any) -> bool:
    return enum_name(job, "state") == "PENDING"


def is_bookable(host: Any) -> bool:
    return enum_name(host, "state") == "UP" and enum_name(host, "lock_state") == "OPEN"
