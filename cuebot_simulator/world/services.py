"""Services, and the overrides of shows."""

from collections.abc import Iterable
from typing import Any

from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.refusals import check_length, duplicate
from cuebot_simulator.world.state import Farm

LONGEST_NAME = 36
SEPARATOR = " | "
"""Between the tags of a service, in Cuebot's database."""


def create_service(farm: Farm, data: Any) -> Any:
    """A service like `data`, with an id of its own. Raises Refusal for a taken name."""
    service = farm.messages.new(
        "service.Service", id=farm.new_id(f"service/{data.name}", farm.services)
    )
    update_service(farm, service, data)
    farm.services[service.id] = service
    return service


def update_service(farm: Farm, service: Any, data: Any) -> None:
    """Make a service like `data`, except for its id. Raises Refusal for a taken name."""
    others = (each for each in farm.services.values() if each.id != service.id)
    if any(each.name == data.name for each in others):
        raise duplicate(f"service {data.name}")
    check_length(data.name, LONGEST_NAME)
    set_service(service, data)


def overrides_of(farm: Farm, show: Any) -> list[Any]:
    """A show's overrides: messages with an id and a service as `data`."""
    children = farm.children_of[show.id]
    return [farm.service_overrides[key] for key in children if key in farm.service_overrides]


def create_override(farm: Farm, show: Any, data: Any) -> Any:
    """A show's own service of that name. Raises Refusal if the show has one.

    Cuebot ignores the timeouts; only an update sets them.
    """
    if any(each.data.name == data.name for each in overrides_of(farm, show)):
        raise duplicate(f"service {data.name} of {show.name}")
    check_length(data.name, LONGEST_NAME)
    key = farm.new_id(f"override/{show.id}/{data.name}", farm.service_overrides)
    override = farm.messages.new("service.ServiceOverride", id=key)
    override.data.id = key
    set_service(override.data, data)
    fill(override.data, timeout=0, timeout_llu=0)
    farm.service_overrides[key] = override
    farm.own(show.id, key)
    return override


def set_service(service: Any, data: Any) -> None:
    key = service.id
    service.CopyFrom(data)
    fill(service, id=key, tags=kept_tags(data.tags))


def kept_tags(tags: Iterable[str]) -> list[str]:
    """Tags as Cuebot's database returns them: each once, without spaces. No tags are one: ""."""
    parts = SEPARATOR.join(dict.fromkeys(tags)).split(SEPARATOR)
    return list(dict.fromkeys(part.replace(" ", "") for part in parts))
