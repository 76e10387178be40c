"""What the server itself knows: its services (kinds of work), limits, and its own load."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm import Farm, by_id, by_name, find_one
from gateway.demo.handler import Handler
from gateway.demo.messages import fill


def get_default_services(farm: Farm, request: Any, answer: Any) -> None:
    answer.services.services.extend(farm.services.values())


def get_service(farm: Farm, request: Any, answer: Any) -> None:
    """A service by name, or by id in the name's place."""
    service = find_one(farm.services, lambda each: request.name in (each.name, each.id))
    fill(answer, service=service)


def get_system_stats(farm: Farm, request: Any, answer: Any) -> None:
    fill(
        answer.stats,
        manage_threads=4,
        manage_remaining_capacity=250,
        dispatch_threads=4,
        dispatch_remaining_capacity=2000,
        report_threads=6,
        report_remaining_capacity=1000,
        booking_threads=6,
        booking_remaining_capacity=1000,
        booked_procs=len(farm.procs),
    )


def get_limits(farm: Farm, request: Any, answer: Any) -> None:
    answer.limits.extend(sorted(farm.limits.values(), key=lambda limit: limit.name))


def find_limit(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, limit=by_name(farm.limits, request.name))


def get_limit(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, limit=by_id(farm.limits, request.id))


SERVICE_METHODS: Mapping[str, Handler] = {
    "GetDefaultServices": get_default_services,
    "GetService": get_service,
}
CUE_METHODS: Mapping[str, Handler] = {"GetSystemStats": get_system_stats}
LIMIT_METHODS: Mapping[str, Handler] = {
    "Find": find_limit,
    "Get": get_limit,
    "GetAll": get_limits,
}
