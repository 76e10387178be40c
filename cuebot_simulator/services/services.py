"""service.ServiceInterface."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world import services
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, by_id_or_name


def get_default_services(farm: Farm, request: Any, answer: Any) -> None:
    answer.services.services.extend(farm.services.values())


def get_service(farm: Farm, request: Any, answer: Any) -> None:
    """A service by name, or by id in the name's place."""
    service = by_id_or_name(farm.services, request.name)
    fill(answer, service=service)


def create_service(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, service=services.create_service(farm, request.data))


def update(farm: Farm, request: Any, answer: Any) -> None:
    """All of the service with that id. One that does not exist is no error."""
    if service := farm.services.get(request.service.id):
        services.update_service(farm, service, request.service)


def delete(farm: Farm, request: Any, answer: Any) -> None:
    """The service with that id. One that does not exist is no error."""
    farm.services.pop(request.service.id, None)


METHODS: Mapping[str, Handler] = {
    "CreateService": create_service,
    "Delete": delete,
    "GetDefaultServices": get_default_services,
    "GetService": get_service,
    "Update": update,
}
