"""limit.LimitInterface, without what Cuebot 1.37 has for license servers: reports, holds, rules."""

from collections.abc import Iterable
from typing import Any

from grpc import StatusCode

from cuebot_simulator.services.handlers import Methods
from cuebot_simulator.world import limits
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.new_entities import add_limit
from cuebot_simulator.world.refusals import Missing, Refusal, check_length
from cuebot_simulator.world.state import Farm, by_id, by_name

LONGEST_NAME = 255
SPEC = 0  # limit.LimitBindSource of limits in a job's spec; no layer here is bound otherwise


def by_limit_name(found: Iterable[Any]) -> list[Any]:
    return sorted(found, key=lambda limit: limit.name)


def get_limits(farm: Farm, request: Any, answer: Any) -> None:
    answer.limits.extend(
        limits.count_limit(farm, each) for each in by_limit_name(farm.limits.values())
    )


def find_limit(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, limit=limits.count_limit(farm, by_name(farm.limits, request.name)))


def get_limit(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, limit=limits.count_limit(farm, by_id(farm.limits, request.id)))


def create(farm: Farm, request: Any, answer: Any) -> None:
    """A taken name is given again."""
    check_length(request.name, LONGEST_NAME)
    limit = add_limit(farm, request.name, request.max_value)
    fill(answer, limit=limits.count_limit(farm, limit))


def delete(farm: Farm, request: Any, answer: Any) -> None:
    limits.remove_limit(farm, by_name(farm.limits, request.name))


def rename(farm: Farm, request: Any, answer: Any) -> None:
    limit = by_name(farm.limits, request.old_name)
    check_length(request.new_name, LONGEST_NAME)
    limits.rename_limit(farm, limit, request.new_name)


def set_max_value(farm: Farm, request: Any, answer: Any) -> None:
    fill(by_name(farm.limits, request.name), max_value=request.max_value)


def get_bindings(farm: Farm, request: Any, answer: Any) -> None:
    """The layers with a limit, the latest first."""
    try:
        limit = by_name(farm.limits, request.limit_name)
    except Missing:
        raise Refusal("Limit not found.", StatusCode.NOT_FOUND) from None
    if request.sources and SPEC not in request.sources:
        return
    layers = [
        layer
        for layer in farm.layers.values()
        if limit.name in layer.limits and (not request.layer_ids or layer.id in request.layer_ids)
    ]
    for layer in sorted(layers, key=lambda each: -farm.jobs[each.parent_id].start_time):
        job = farm.jobs[layer.parent_id]
        answer.bindings.add(
            limit_id=limit.id,
            layer_id=layer.id,
            layer_name=layer.name,
            job_name=job.name,
            services=layer.services,
            source=SPEC,
            create_time=job.start_time,
        )


METHODS: Methods = {
    "Create": create,
    "Delete": delete,
    "Find": find_limit,
    "Get": get_limit,
    "GetAll": get_limits,
    "GetBindings": get_bindings,
    "Rename": rename,
    "SetMaxValue": set_max_value,
}
