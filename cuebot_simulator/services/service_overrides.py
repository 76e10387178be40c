"""service.ServiceOverrideInterface."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.services import update_override
from cuebot_simulator.world.state import Farm


def update(farm: Farm, request: Any, answer: Any) -> None:
    """All of the override whose id the service has. One that does not exist is no error."""
    if override := farm.service_overrides.get(request.service.id):
        update_override(farm, override, request.service)


def delete(farm: Farm, request: Any, answer: Any) -> None:
    """The override whose id the service has. One that does not exist is no error."""
    if farm.service_overrides.pop(request.service.id, None):
        farm.disown(request.service.id)


METHODS: Mapping[str, Handler] = {"Delete": delete, "Update": update}
