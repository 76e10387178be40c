"""filter.ActionInterface."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.failures import java_exception
from cuebot_simulator.world.filters import delete_action, set_action
from cuebot_simulator.world.state import Farm, by_id

CUEBOT_ERROR = "com.imageworks.spcue.SpcueRuntimeException"


def commit(farm: Farm, request: Any, answer: Any) -> None:
    """The action becomes as it is given, whole."""
    action = farm.actions.get(request.action.id)
    if action is None:
        raise java_exception(
            CUEBOT_ERROR, f"Invalid actionId on Action commit: {request.action.id}"
        )
    set_action(farm, action, request.action)


def delete(farm: Farm, request: Any, answer: Any) -> None:
    delete_action(farm, by_id(farm.actions, request.action.id))


def get_parent_filter(farm: Farm, request: Any, answer: Any) -> None:
    """Always fails: the real server looks into the request for the filter, and there is none."""
    raise java_exception(
        CUEBOT_ERROR, "Trying to get a filterId from a ActityEntity created without a filter"
    )


METHODS: Mapping[str, Handler] = {
    "Commit": commit,
    "Delete": delete,
    "GetParentFilter": get_parent_filter,
}
