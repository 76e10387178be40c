"""facility.FacilityInterface.

`GetAllocations` is not here: the real one has no code for it.
"""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.allocations import rename_facility
from cuebot_simulator.world.database_errors import check_length, still_used
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.new_entities import add_facility
from cuebot_simulator.world.state import Farm, by_id_or_name, by_name

LONGEST_NAME = 36


def get_facility(farm: Farm, request: Any, answer: Any) -> None:
    """A facility by name, or by id in the name's place."""
    facility = by_id_or_name(farm.facilities, request.name)
    fill(answer, facility=facility)


def create(farm: Farm, request: Any, answer: Any) -> None:
    """One of a name that is taken is made, too; but then Cuebot looks for it, and finds two."""
    check_length(request.name, LONGEST_NAME)
    add_facility(farm, request.name)
    fill(answer, facility=by_name(farm.facilities, request.name))


def rename(farm: Farm, request: Any, answer: Any) -> None:
    facility = by_id_or_name(farm.facilities, request.facility.name)
    check_length(request.new_name, LONGEST_NAME)
    rename_facility(farm, facility, request.new_name)


def delete(farm: Farm, request: Any, answer: Any) -> None:
    """A facility goes only when no allocation and no job is in it."""
    facility = by_id_or_name(farm.facilities, request.name)
    for table, things in (("alloc", farm.allocations), ("job", farm.jobs)):
        if any(thing.facility == facility.name for thing in things.values()):
            raise still_used("facility", f"c_{table}_pk_facility", table, facility.id)
    del farm.facilities[facility.id]


METHODS: Mapping[str, Handler] = {
    "Create": create,
    "Delete": delete,
    "Get": get_facility,
    "Rename": rename,
}
