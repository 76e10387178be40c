"""Artists, who look after their jobs and launch the next version when one is over.

They keep the farm of a demo busy.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from cuebot_simulator.world import depends
from cuebot_simulator.world.frame_actions import eat_frames, enqueue, mark_done, retry_frames
from cuebot_simulator.world.frames import state_of
from cuebot_simulator.world.jobs import finish_job, launch_job, pick
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.plans import JobPlan
from cuebot_simulator.world.refusals import Missing
from cuebot_simulator.world.shows import find_show
from cuebot_simulator.world.state import Farm, is_pending

CHECK_INTERVAL_SECONDS = 10.0
NEXT_VERSION_SECONDS = (30, 180)
HELP_SECONDS = (900, 2400)
"""Until an artist does something about a job that is paused, or cannot go on."""
PAUSED, STUCK = "paused", "stuck"
ABLE = ("WAITING", "RUNNING", "CHECKPOINT")
"""The states of frames that let a job go on by itself."""


class Artists:
    def __init__(self, farm: Farm, plans: Iterable[JobPlan]) -> None:
        self._farm = farm
        self._watched = {plan.full_name: plan for plan in plans}
        self._planned: set[str] = set()
        """The ids of jobs that an artist will do something about."""
        self._resolved: Counter[tuple[str, str]] = Counter()
        """The number of times that an artist did something, by job id and problem."""

    def start(self) -> None:
        self._farm.agenda.after(CHECK_INTERVAL_SECONDS, self.check_jobs)

    def check_jobs(self) -> None:
        """Look at every job. A finished one gets its next version."""
        farm = self._farm
        farm.agenda.after(CHECK_INTERVAL_SECONDS, self.check_jobs)
        for name in list(self._watched):
            if name in farm.pending:
                self.check_job(farm.pending[name])
            else:
                wait = pick(farm, f"next/{name}", *NEXT_VERSION_SECONDS)
                plan = next_version(self._watched.pop(name))
                farm.agenda.after(wait, partial(self.launch, plan))

    def launch(self, plan: JobPlan) -> None:
        """Launch a job, unless one of that name is pending.

        If its group is gone, the root group gets it. If its show is gone, nothing happens.
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

    def check_job(self, job: Any) -> None:
        problem = self.problem_of(job)
        if problem and job.id not in self._planned:
            self._planned.add(job.id)
            key = f"{problem}/{job.id}/{self._resolved[job.id, problem]}"
            wait = pick(self._farm, key, *HELP_SECONDS)
            self._farm.agenda.after(wait, partial(self.resolve, job, problem))

    def problem_of(self, job: Any) -> str:
        """Why a job does not go on (PAUSED or STUCK), or "" if there is nothing to do.

        A job is resumed once: if it is paused again, somebody wants it paused. A job is stuck when

        its frames are dead, or wait for dead ones.
        """
        states = self._farm.tallies[job.id].states
        if job.is_paused:
            return "" if self._resolved[job.id, PAUSED] else PAUSED
        if any(states[state] for state in ABLE):
            return ""
        return STUCK if states["DEAD"] or self._resolved[job.id, STUCK] else ""

    def resolve(self, job: Any, problem: str) -> None:
        """Do something about a job that still has the problem.

        A paused job is resumed. Dead frames are retried; if that does not help, they are eaten, or

        the job is killed.
        """
        farm = self._farm
        self._planned.discard(job.id)
        if not is_pending(job) or self.problem_of(job) != problem:
            return
        key = f"{job.id}/{self._resolved[job.id, problem]}"
        self._resolved[job.id, problem] += 1
        dead = [frame for frame in farm.frames_of(job) if state_of(frame) == "DEAD"]
        if problem == PAUSED:
            fill(job, is_paused=False)
        elif self._resolved[job.id, problem] == 1:
            enqueue(farm, retry_frames, dead)
        elif dead and pick(farm, f"patience/{key}", 0, 1):
            enqueue(farm, give_up, dead)
        else:
            finish_job(farm, job)


def give_up(farm: Farm, frames: Iterable[Any]) -> None:
    """Eat frames, and satisfy what waits for them, or for a layer that is now done."""
    eaten = list(frames)
    mark_done(farm, eaten)
    eat_frames(farm, eaten)
    for key in dict.fromkeys(farm.parent_of[frame.id] for frame in eaten):
        if farm.tallies[key].finished:
            depends.satisfy_on(farm, farm.layers[key])


def next_version(plan: JobPlan) -> JobPlan:
    """The job with the next number in its name, and without a past."""
    return replace(
        plan,
        name=re.sub(r"\d+$", lambda found: f"{int(found[0]) + 1:0{len(found[0])}}", plan.name),
        layers=tuple(replace(layer, past=()) for layer in plan.layers),
        minutes=0,
        paused=False,
        finished=False,
        comment="",
    )
