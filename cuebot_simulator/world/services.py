"""Services, and what shows have instead of them."""

from collections.abc import Iterable
from typing import Any

from cuebot_simulator.world.database_errors import check_length, duplicate
from cuebot_simulator.world.failures import Refusal
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm

LONGEST_NAME = 36
SEPARATOR = " | "
"""Between the tags of a service, in Cuebot's database."""


def create_service(farm: Farm, data: Any) -> Any:
    """A service that is like `data` in all but the id. Raises Refusal if its name is taken."""
    service = farm.messages.new(
        "service.Service", id=farm.new_id(f"service/{data.name}", farm.services)
    )
    update_service(farm, service, data)
    farm.services[service.id] = service
    return service


def update_service(farm: Farm, service: Any, data: Any) -> None:
    """Make a service like `data` in all but the id. Raises Refusal if its name is taken."""
    others = (each for each in farm.services.values() if each.id != service.id)
    if any(each.name == data.name for each in others):
        raise duplicate("i_service_str_name", str_name=data.name)
    check_length(data.name, LONGEST_NAME)
    set_service(service, data)


def overrides_of(farm: Farm, show: Any) -> list[Any]:
    """What a show has in the place of services: messages with an id and the service's `data`."""
    children = farm.children_of[show.id]
    return [farm.service_overrides[key] for key in children if key in farm.service_overrides]


def create_override(farm: Farm, show: Any, data: Any) -> Any:
    """A service of that name for this show alone. Raises Refusal if the show has one.

    Cuebot does not take the timeouts along; only an update sets them.
    """
    if any(each.data.name == data.name for each in overrides_of(farm, show)):
        raise name_taken(show, data.name)
    check_length(data.name, LONGEST_NAME)
    key = farm.new_id(f"override/{show.id}/{data.name}", farm.service_overrides)
    override = farm.messages.new("service.ServiceOverride", id=key)
    override.data.id = key
    set_service(override.data, data)
    fill(override.data, timeout=0, timeout_llu=0)
    farm.service_overrides[key] = override
    farm.own(show.id, key)
    return override


def update_override(farm: Farm, override: Any, data: Any) -> None:
    """Make a show's service like `data` in all but the id. Raises Refusal if its name is taken."""
    show = farm.shows[farm.parent_of[override.id]]
    others = (each for each in overrides_of(farm, show) if each.id != override.id)
    if any(each.data.name == data.name for each in others):
        raise name_taken(show, data.name)
    set_service(override.data, data)


def name_taken(show: Any, name: str) -> Refusal:
    return duplicate("i_show_service_str_name", str_name=name, pk_show=show.id)


def set_service(service: Any, data: Any) -> None:
    """Copy everything but the id."""
    key = service.id
    service.CopyFrom(data)
    fill(service, id=key, tags=kept_tags(data.tags))


def kept_tags(tags: Iterable[str]) -> list[str]:
    """Tags as Cuebot's database gives them back: once each, without spaces. No tags are one: ""."""
    parts = SEPARATOR.join(dict.fromkeys(tags)).split(SEPARATOR)
    return list(dict.fromkeys(part.replace(" ", "") for part in parts))
