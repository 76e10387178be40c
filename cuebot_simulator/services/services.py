"""service.ServiceInterface and service.ServiceOverrideInterface.

A missing service or override is no error in `Update` and `Delete`.
"""

from typing import Any

from cuebot_simulator.services.handlers import Methods
from cuebot_simulator.world import services
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, by_id_or_name


def get_default_services(farm: Farm, request: Any, answer: Any) -> None:
    answer.services.services.extend(farm.services.values())


def get_service(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, service=by_id_or_name(farm.services, request.name))


def create_service(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, service=services.create_service(farm, request.data))


def update_service(farm: Farm, request: Any, answer: Any) -> None:
    if service := farm.services.get(request.service.id):
        services.update_service(farm, service, request.service)


def delete_service(farm: Farm, request: Any, answer: Any) -> None:
    farm.services.pop(request.service.id, None)


def update_override(farm: Farm, request: Any, answer: Any) -> None:
    if override := farm.service_overrides.get(request.service.id):
        services.set_service(override.data, request.service)


def delete_override(farm: Farm, request: Any, answer: Any) -> None:
    if farm.service_overrides.pop(request.service.id, None):
        farm.disown(request.service.id)


SERVICE_METHODS: Methods = {
    "CreateService": create_service,
    "Delete": delete_service,
    "GetDefaultServices": get_default_services,
    "GetService": get_service,
    "Update": update_service,
}
OVERRIDE_METHODS: Methods = {"Delete": delete_override, "Update": update_override}
