"""depend.DependInterface, and the methods of jobs, layers and frames for dependencies."""

from typing import Any

from cuebot_simulator.services.handlers import Handler, Methods, action, getter, lister, requested
from cuebot_simulator.world import depends
from cuebot_simulator.world.frame_actions import enqueue
from cuebot_simulator.world.messages import enum_name, fill
from cuebot_simulator.world.state import Farm


def satisfy(farm: Farm, request: Any, answer: Any) -> None:
    depend = requested(farm, request, "depend")
    enqueue(farm, depends.satisfy, depend)


METHODS: Methods = {
    "GetDepend": getter("depend"),
    "Satisfy": satisfy,
    "Unsatisfy": action("depend", depends.unsatisfy),
}


def depend_creator(kind: str, on: str, field: str = "") -> Handler:
    """Lets a thing wait for another, whose id is in the request's field `on`, or `field`."""

    def create(farm: Farm, request: Any, answer: Any) -> None:
        part, other = requested(farm, request, kind), requested(farm, request, on, field)
        depend = depends.add_depend(farm, f"{kind}_ON_{on}".upper(), part, other)
        fill(answer, depend=depend)

    return create


def depend_methods(kind: str) -> Methods:
    """The methods that jobs, layers and frames (`kind`) have alike."""

    def drop(farm: Farm, request: Any, answer: Any) -> None:
        part, target = requested(farm, request, kind), enum_name(request, "target")
        enqueue(farm, depends.drop_depends, part, target)

    return {
        "DropDepends": drop,
        "GetWhatDependsOnThis": lister(kind, "depends", depends.dependents_of),
        "GetWhatThisDependsOn": lister(kind, "depends", depends.dependencies_of),
    }
