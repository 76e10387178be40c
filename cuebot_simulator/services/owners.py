"""host.OwnerInterface and host.DeedInterface."""

from typing import Any

from cuebot_simulator.services.handlers import Methods, action, requested
from cuebot_simulator.world.hosts import give_deed, remove_deed, remove_owner
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.refusals import CUEBOT_CLASS, JavaException, Missing
from cuebot_simulator.world.state import Farm, by_id_or_name, by_name


def get_owner(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, owner=by_id_or_name(farm.owners, request.name))


def get_deeds(farm: Farm, request: Any, answer: Any) -> None:
    owner = requested(farm, request, "owner")
    answer.deeds.deeds.extend(deed for deed in farm.deeds.values() if deed.owner == owner.name)


def get_hosts(farm: Farm, request: Any, answer: Any) -> None:
    owner = requested(farm, request, "owner")
    owned = {deed.host for deed in farm.deeds.values() if deed.owner == owner.name}
    answer.hosts.hosts.extend(host for host in farm.hosts.values() if host.name in owned)


def set_show(farm: Farm, request: Any, answer: Any) -> None:
    owner, show = requested(farm, request, "owner"), by_name(farm.shows, request.show)
    farm.disown(owner.id)
    farm.own(show.id, owner.id)
    fill(owner, show=show.name)


def take_ownership(farm: Farm, request: Any, answer: Any) -> None:
    """The owner gets the host, by name, from whoever had it. Only NIMBY hosts can be owned."""
    owner = requested(farm, request, "owner")
    host = by_name(farm.hosts, request.host)
    if not host.nimby_enabled:
        raise JavaException(CUEBOT_CLASS, "Cannot setup deeeds on non-NIMBY hosts.")
    give_deed(farm, host, owner)


OWNER_METHODS: Methods = {
    "Delete": action("owner", remove_owner),
    "GetDeeds": get_deeds,
    "GetHosts": get_hosts,
    "GetOwner": get_owner,
    "SetShow": set_show,
    "TakeOwnership": take_ownership,
}


def get_deed_owner(farm: Farm, request: Any, answer: Any) -> None:
    fill(answer, owner=by_name(farm.owners, requested(farm, request, "deed").owner))


def get_deed_host(farm: Farm, request: Any, answer: Any) -> None:
    """Always fails: Cuebot looks for a host with the deed's id."""
    raise Missing


def delete_deed(farm: Farm, request: Any, answer: Any) -> None:
    """A missing deed counts as deleted."""
    if request.deed.id in farm.deeds:
        remove_deed(farm, farm.deeds[request.deed.id])


DEED_METHODS: Methods = {
    "Delete": delete_deed,
    "GetHost": get_deed_host,
    "GetOwner": get_deed_owner,
}
