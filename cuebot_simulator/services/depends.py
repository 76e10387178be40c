"""depend.DependInterface."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world import depends
from cuebot_simulator.world.frame_actions import QUEUE_DELAY
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, by_id


def get_depend(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, depend=by_id(farm.depends, request.id))


def satisfy(farm: Farm, request: Any, answer: Any) -> None:
    depend = by_id(farm.depends, request.depend.id)
    farm.agenda.after(QUEUE_DELAY, partial(depends.satisfy, farm, depend))


def unsatisfy(farm: Farm, request: Any, answer: Any) -> None:
    """Only a frame on a frame and a layer on a layer can wait again; others stay as they are."""
    depends.unsatisfy(farm, by_id(farm.depends, request.depend.id))


METHODS: Mapping[str, Handler] = {
    "GetDepend": get_depend,
    "Satisfy": satisfy,
    "Unsatisfy": unsatisfy,
}
