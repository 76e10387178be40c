"""The people of the studio, who look after their jobs and send the next version of what is over.

So the farm of a demo stays busy, however long it runs.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from cuebot_simulator.world import depends
from cuebot_simulator.world.failures import Missing
from cuebot_simulator.world.frames import state_of
from cuebot_simulator.world.jobs import finish_job
from cuebot_simulator.world.launch import launch_job, pick
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.orders import eat_frames, mark_done, order, retry_frames
from cuebot_simulator.world.plans import JobPlan
from cuebot_simulator.world.shows import find_show
from cuebot_simulator.world.state import Farm, is_pending

LOOK = 10.0
"""Seconds between two looks at the farm."""
SOONEST, LATEST = 30, 180
"""Seconds between a job's end and its next version."""
QUICKEST, SLOWEST = 900, 2400
"""Seconds until somebody does something about a job that is paused, or cannot go on."""
PAUSED, STUCK = "paused", "stuck"
ABLE = ("WAITING", "RUNNING", "CHECKPOINT")
"""The states of frames with which a job goes on by itself."""


class Artists:
    """Those who sent these jobs, and will send the next versions of them."""

    def __init__(self, farm: Farm, plans: Iterable[JobPlan]) -> None:
        self._farm = farm
        self._watched = {plan.full_name: plan for plan in plans}
        self._noticed: set[str] = set()
        """The ids of jobs that something will be done about."""
        self._helped: Counter[tuple[str, str]] = Counter()
        """How often something was done, by job id and trouble."""

    def start(self) -> None:
        """Begin to look."""
        self._farm.agenda.after(LOOK, self.look)

    def look(self) -> None:
        """Whose job is over starts on the next version."""
        farm = self._farm
        farm.agenda.after(LOOK, self.look)
        for name in list(self._watched):
            if name in farm.pending:
                self.watch(farm.pending[name])
            else:
                wait = pick(farm, f"next/{name}", SOONEST, LATEST)
                farm.agenda.after(wait, partial(self.send, next_version(self._watched.pop(name))))

    def send(self, plan: JobPlan) -> None:
        """Launch a job, unless somebody else has launched one of that name.

        Without its group, it is launched into the root group. Without its show, nobody sends it
        any more.
        """
        farm = self._farm
        try:
            show = find_show(farm, plan.show)
        except Missing:
            return
        if plan.full_name not in farm.pending:
            known = {group.name for group in farm.groups_of(show)}
            launch_job(farm, plan if plan.group in known else replace(plan, group=""))
        self._watched[plan.full_name] = plan

    def watch(self, job: Any) -> None:
        """Note it if a job is in trouble. Somebody will look at it again later."""
        trouble = self.trouble_of(job)
        if trouble and job.id not in self._noticed:
            self._noticed.add(job.id)
            wait = pick(self._farm, f"{trouble}/{self.key(job, trouble)}", QUICKEST, SLOWEST)
            self._farm.agenda.after(wait, partial(self.help, job, trouble))

    def key(self, job: Any, trouble: str) -> str:
        return f"{job.id}/{self._helped[job.id, trouble]}"

    def trouble_of(self, job: Any) -> str:
        """Why a job does not go on, as far as an artist cares, or nothing.

        A job is resumed once: who pauses it again wants it so. One is stuck whose frames are dead,
        or wait for those.
        """
        states = self._farm.tallies[job.id].states
        if job.is_paused:
            return "" if self._helped[job.id, PAUSED] else PAUSED
        if any(states[state] for state in ABLE):
            return ""
        return STUCK if states["DEAD"] or self._helped[job.id, STUCK] else ""

    def help(self, job: Any, trouble: str) -> None:
        """Do something about a job, if it still has the same trouble.

        A paused one goes on. Dead frames are tried again; when that does not help, they are eaten,
        and nothing waits for them; or the job is killed, in the end at least.
        """
        farm = self._farm
        self._noticed.discard(job.id)
        if not is_pending(job) or self.trouble_of(job) != trouble:
            return
        key = self.key(job, trouble)
        self._helped[job.id, trouble] += 1
        dead = [frame for frame in farm.frames_of(job) if state_of(frame) == "DEAD"]
        if trouble == PAUSED:
            fill(job, is_paused=False)
        elif self._helped[job.id, trouble] == 1:
            order(farm, retry_frames, dead)
        elif dead and pick(farm, f"patience/{key}", 0, 1):
            order(farm, give_up, dead)
        else:
            finish_job(farm, job)


def give_up(farm: Farm, frames: Iterable[Any]) -> None:
    """Eat frames, and let go on what waits for them, or for a layer that is done without them."""
    eaten = list(frames)
    mark_done(farm, eaten)
    eat_frames(farm, eaten)
    for key in dict.fromkeys(farm.parent_of[frame.id] for frame in eaten):
        if farm.tallies[key].finished:
            depends.satisfy_on(farm, farm.layers[key])


def next_version(plan: JobPlan) -> JobPlan:
    """The same job with the next number in its name, and nothing behind it."""
    return replace(
        plan,
        name=re.sub(r"\d+$", lambda found: f"{int(found[0]) + 1:0{len(found[0])}}", plan.name),
        layers=tuple(replace(layer, past=()) for layer in plan.layers),
        minutes=0,
        paused=False,
        finished=False,
        comment="",
    )
