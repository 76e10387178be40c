"""facility.FacilityInterface."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm.messages import fill
from gateway.demo.farm.sharing import (
    count_allocation,
)
from gateway.demo.farm.state import Farm, by_id, by_id_or_name
from gateway.demo.interfaces.handler import Handler


def get_facility(farm: Farm, request: Any, answer: Any) -> None:
    """A facility by name, or by id in the name's place."""
    facility = by_id_or_name(farm.facilities, request.name)
    fill(answer, facility=facility)


def get_facility_allocations(farm: Farm, request: Any, answer: Any) -> None:
    facility = by_id(farm.facilities, request.facility.id)
    answer.allocations.allocations.extend(
        count_allocation(farm, allocation)
        for allocation in farm.allocations.values()
        if allocation.facility == facility.name
    )


METHODS: Mapping[str, Handler] = {
    "Get": get_facility,
    "GetAllocations": get_facility_allocations,
}
