"""What jobs, layers and frames answer alike about what they wait for, and what waits for them."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world import depends
from cuebot_simulator.world.frame_actions import QUEUE_DELAY
from cuebot_simulator.world.messages import enum_name
from cuebot_simulator.world.state import Farm


def depend_queries(find: Callable[[Farm, Any], Any]) -> Mapping[str, Handler]:
    """The methods of one interface, by name; `find` gives the part that a request is about."""

    def drop(farm: Farm, request: Any, answer: Any) -> None:
        part, target = find(farm, request), enum_name(request, "target")
        farm.agenda.after(QUEUE_DELAY, partial(depends.drop_depends, farm, part, target))

    def get_dependents(farm: Farm, request: Any, answer: Any) -> None:
        answer.depends.depends.extend(depends.dependents_of(farm, find(farm, request)))

    def get_dependencies(farm: Farm, request: Any, answer: Any) -> None:
        answer.depends.depends.extend(depends.dependencies_of(farm, find(farm, request)))

    return {
        "DropDepends": drop,
        "GetWhatDependsOnThis": get_dependents,
        "GetWhatThisDependsOn": get_dependencies,
    }
