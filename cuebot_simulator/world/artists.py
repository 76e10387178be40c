"""Artists, who look after their jobs and launch the next version when one is over.

They keep the farm of a demo busy, however long it runs.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from cuebot_simulator.world import depends
from cuebot_simulator.world.failures import Missing
from cuebot_simulator.world.frame_actions import eat_frames, enqueue, mark_done, retry_frames
from cuebot_simulator.world.frames import state_of
from cuebot_simulator.world.jobs import finish_job
from cuebot_simulator.world.launch import launch_job, pick
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.plans import JobPlan
from cuebot_simulator.world.shows import find_show
from cuebot_simulator.world.state import Farm, is_pending

CHECK_INTERVAL = 10.0
"""Seconds between two looks at the farm."""
SOONEST, LATEST = 30, 180
"""Seconds between a job's end and its next version."""
QUICKEST, SLOWEST = 900, 2400
"""Seconds until an artist does something about a job that is paused, or cannot go on."""
PAUSED, STUCK = "paused", "stuck"
ABLE = ("WAITING", "RUNNING", "CHECKPOINT")
"""The states of frames with which a job goes on by itself."""


class Artists:
    """The artists who have launched these jobs, and will launch their next versions."""

    def __init__(self, farm: Farm, plans: Iterable[JobPlan]) -> None:
        self._farm = farm
        self._watched = {plan.full_name: plan for plan in plans}
        self._planned: set[str] = set()
        """The ids of jobs that an artist is about to do something about."""
        self._resolved: Counter[tuple[str, str]] = Counter()
        """How often an artist did something, by job id and problem."""

    def start(self) -> None:
        """Look at the farm from now on."""
        self._farm.agenda.after(CHECK_INTERVAL, self.check_jobs)

    def check_jobs(self) -> None:
        """Look at every job. The artist of one that is over starts on the next version."""
        farm = self._farm
        farm.agenda.after(CHECK_INTERVAL, self.check_jobs)
        for name in list(self._watched):
            if name in farm.pending:
                self.check_job(farm.pending[name])
            else:
                wait = pick(farm, f"next/{name}", SOONEST, LATEST)
                farm.agenda.after(wait, partial(self.launch, next_version(self._watched.pop(name))))

    def launch(self, plan: JobPlan) -> None:
        """Launch a job, unless somebody else has launched one of that name.

        Without its group, it is launched into the root group. Without its show, it is given up.
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
        """If a job has a problem, plan to do something about it later."""
        problem = self.problem_of(job)
        if problem and job.id not in self._planned:
            self._planned.add(job.id)
            wait = pick(self._farm, f"{problem}/{self.key(job, problem)}", QUICKEST, SLOWEST)
            self._farm.agenda.after(wait, partial(self.resolve, job, problem))

    def key(self, job: Any, problem: str) -> str:
        return f"{job.id}/{self._resolved[job.id, problem]}"

    def problem_of(self, job: Any) -> str:
        """Why a job does not go on, PAUSED or STUCK, or "" if there is nothing to do about it.

        A job is resumed once: if it is paused again, somebody wants it paused. It is stuck when
        its frames are dead, or wait for dead ones.
        """
        states = self._farm.tallies[job.id].states
        if job.is_paused:
            return "" if self._resolved[job.id, PAUSED] else PAUSED
        if any(states[state] for state in ABLE):
            return ""
        return STUCK if states["DEAD"] or self._resolved[job.id, STUCK] else ""

    def resolve(self, job: Any, problem: str) -> None:
        """Do something about a job, if it still has the same problem.

        A paused one goes on. Dead frames are tried again; when that does not help, they are eaten,
        and nothing waits for them; or the job is killed, in the end at least.
        """
        farm = self._farm
        self._planned.discard(job.id)
        if not is_pending(job) or self.problem_of(job) != problem:
            return
        key = self.key(job, problem)
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
