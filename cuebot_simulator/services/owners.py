"""host.OwnerInterface."""

from collections.abc import Mapping
from typing import Any

from cuebot_simulator.services.handler import Handler
from cuebot_simulator.world.failures import java_exception
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.ownership import give_deed, remove_owner
from cuebot_simulator.world.state import Farm, by_id, by_id_or_name, by_name


def requested_owner(farm: Farm, request: Any) -> Any:
    """The owner that a request is about, by its id. Raises Missing."""
    return by_id(farm.owners, request.owner.id)


def get_owner(farm: Farm, request: Any, answer: Any) -> None:
    """An owner by name, or by id in the name's place."""
    fill(answer, owner=by_id_or_name(farm.owners, request.name))


def get_deeds(farm: Farm, request: Any, answer: Any) -> None:
    owner = requested_owner(farm, request)
    answer.deeds.deeds.extend(deed for deed in farm.deeds.values() if deed.owner == owner.name)


def get_hosts(farm: Farm, request: Any, answer: Any) -> None:
    owner = requested_owner(farm, request)
    owned = {deed.host for deed in farm.deeds.values() if deed.owner == owner.name}
    answer.hosts.hosts.extend(host for host in farm.hosts.values() if host.name in owned)


def set_show(farm: Farm, request: Any, answer: Any) -> None:
    """The show is given by its name."""
    owner, show = requested_owner(farm, request), by_name(farm.shows, request.show)
    farm.disown(owner.id)
    farm.own(show.id, owner.id)
    fill(owner, show=show.name)


def take_ownership(farm: Farm, request: Any, answer: Any) -> None:
    """The owner, by id, gets the host, by name, whoever had it. Only NIMBY hosts can be owned."""
    owner = requested_owner(farm, request)
    host = by_name(farm.hosts, request.host)
    if not host.nimby_enabled:
        raise java_exception(
            "com.imageworks.spcue.SpcueRuntimeException",
            "Cannot setup deeeds on non-NIMBY hosts.",
        )
    give_deed(farm, host, owner)


def delete(farm: Farm, request: Any, answer: Any) -> None:
    remove_owner(farm, requested_owner(farm, request))


METHODS: Mapping[str, Handler] = {
    "Delete": delete,
    "GetDeeds": get_deeds,
    "GetHosts": get_hosts,
    "GetOwner": get_owner,
    "SetShow": set_show,
    "TakeOwnership": take_ownership,
}
