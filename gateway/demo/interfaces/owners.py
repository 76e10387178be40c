"""host.OwnerInterface."""

from collections.abc import Mapping
from typing import Any

from gateway.demo.farm.failures import thrown
from gateway.demo.farm.messages import fill
from gateway.demo.farm.ownership import give_deed
from gateway.demo.farm.state import Farm, by_id, by_name, find_one
from gateway.demo.interfaces.handler import Handler


def get_owner(farm: Farm, request: Any, answer: Any) -> None:
    """An owner by name, or by id in the name's place."""
    fill(answer, owner=find_one(farm.owners, lambda owner: request.name in (owner.name, owner.id)))


def get_deeds(farm: Farm, request: Any, answer: Any) -> None:
    owner = by_id(farm.owners, request.owner.id)
    answer.deeds.deeds.extend(deed for deed in farm.deeds.values() if deed.owner == owner.name)


def get_hosts(farm: Farm, request: Any, answer: Any) -> None:
    owner = by_id(farm.owners, request.owner.id)
    owned = {deed.host for deed in farm.deeds.values() if deed.owner == owner.name}
    answer.hosts.hosts.extend(host for host in farm.hosts.values() if host.name in owned)


def take_ownership(farm: Farm, request: Any, answer: Any) -> None:
    """The owner, by id, gets the host, by name, whoever had it. Only NIMBY hosts can be owned."""
    owner = by_id(farm.owners, request.owner.id)
    host = by_name(farm.hosts, request.host)
    if not host.nimby_enabled:
        raise thrown(
            "com.imageworks.spcue.SpcueRuntimeException",
            f"{host.name} is not a NIMBY host, and others cannot have deeds",
        )
    give_deed(farm, host, owner)


METHODS: Mapping[str, Handler] = {
    "GetDeeds": get_deeds,
    "GetHosts": get_hosts,
    "GetOwner": get_owner,
    "TakeOwnership": take_ownership,
}
