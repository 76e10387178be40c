"""The people of the studio: when a job is over, its artist looks at it and sends the next version.

So the farm of a demo stays busy, however long it runs.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import partial

from gateway.demo.farm.launch import launch_job, pick
from gateway.demo.farm.plans import JobPlan
from gateway.demo.farm.state import Farm

LOOK = 10.0
"""Seconds between two looks at the farm."""
SOONEST, LATEST = 30, 180
"""Seconds between a job's end and its next version."""


class Artists:
    """Those who sent these jobs, and will send the next versions of them."""

    def __init__(self, farm: Farm, plans: Iterable[JobPlan]) -> None:
        self._farm = farm
        self._watched = {plan.full_name: plan for plan in plans}

    def start(self) -> None:
        """Begin to look."""
        self._farm.agenda.after(LOOK, self.look)

    def look(self) -> None:
        """Whose job is over starts on the next version."""
        self._farm.agenda.after(LOOK, self.look)
        for name in [name for name in self._watched if name not in self._farm.pending]:
            wait = pick(self._farm, f"next/{name}", SOONEST, LATEST)
            self._farm.agenda.after(wait, partial(self.send, next_version(self._watched.pop(name))))

    def send(self, plan: JobPlan) -> None:
        """Launch a job, unless somebody else has launched one of that name."""
        if plan.full_name not in self._farm.pending:
            launch_job(self._farm, plan)
        self._watched[plan.full_name] = plan


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
