"""host.DeedInterface."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.failures import Missing
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.ownership import remove_deed
from cuebot_simulator.world.state import Farm, by_id, by_name


def get_owner(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, owner=by_name(farm.owners, by_id(farm.deeds, request.deed.id).owner))


def get_host(farm: Farm, request: Any, answer: Any) -> None:
    """It always fails: Cuebot looks for a host with the deed's id."""
    raise Missing


def delete(farm: Farm, request: Any, answer: Any) -> None:
    """A deed that is not there counts as deleted."""
    if request.deed.id in farm.deeds:
        remove_deed(farm, farm.deeds[request.deed.id])


METHODS: Mapping[str, Handler] = {"Delete": delete, "GetHost": get_host, "GetOwner": get_owner}
