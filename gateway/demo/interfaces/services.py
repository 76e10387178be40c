"""service.ServiceInterface."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm.messages import fill
from gateway.demo.farm.state import Farm, by_id_or_name
from gateway.demo.interfaces.handler import Handler


def get_default_services(farm: Farm, request: Any, answer: Any) -> None:
    answer.services.services.extend(farm.services.values())


def get_service(farm: Farm, request: Any, answer: Any) -> None:
    """A service by name, or by id in the name's place."""
    service = by_id_or_name(farm.services, request.name)
    fill(answer, service=service)


METHODS: Mapping[str, Handler] = {
    "GetDefaultServices": get_default_services,
    "GetService": get_service,
}
