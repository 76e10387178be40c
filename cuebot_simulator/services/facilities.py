"""facility.FacilityInterface."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.allocations import (
    count_allocation,
    enabled_allocations,
    rename_facility,
)
from cuebot_simulator.world.database_errors import duplicate, still_used
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.new_entities import add_facility
from cuebot_simulator.world.state import Farm, by_id, by_id_or_name


def get_facility(farm: Farm, request: Any, answer: Any) -> None:
    """A facility by name, or by id in the name's place."""
    facility = by_id_or_name(farm.facilities, request.name)
    fill(answer, facility=facility)


def get_facility_allocations(farm: Farm, request: Any, answer: Any) -> None:
    facility = by_id(farm.facilities, request.facility.id)
    answer.allocations.allocations.extend(
        count_allocation(farm, allocation)
        for allocation in enabled_allocations(farm).values()
        if allocation.facility == facility.name
    )


def create(farm: Farm, request: Any, answer: Any) -> None:
    check_free(farm, request.name)
    fill(answer, facility=add_facility(farm, request.name))


def rename(farm: Farm, request: Any, answer: Any) -> None:
    facility = by_id_or_name(farm.facilities, request.facility.name)
    if request.new_name != facility.name:
        check_free(farm, request.new_name)
        rename_facility(farm, facility, request.new_name)


def check_free(farm: Farm, name: str) -> None:
    """Raises Refusal when a facility has that name."""
    if any(facility.name == name for facility in farm.facilities.values()):
        raise duplicate("c_facility_name_uniq")


def delete(farm: Farm, request: Any, answer: Any) -> None:
    """A facility goes only when no allocation and no job is in it."""
    facility = by_id_or_name(farm.facilities, request.name)
    for table, things in (("alloc", farm.allocations), ("job", farm.jobs)):
        if any(thing.facility == facility.name for thing in things.values()):
            raise still_used("facility", f"c_{table}_pk_facility", table)
    del farm.facilities[facility.id]


METHODS: Mapping[str, Handler] = {
    "Create": create,
    "Delete": delete,
    "Get": get_facility,
    "GetAllocations": get_facility_allocations,
    "Rename": rename,
}
