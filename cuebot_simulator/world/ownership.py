"""Deeds: who owns which host."""

from typing import Any

from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, find_one


def deed_of(farm: Farm, host: Any) -> Any:
    """The deed of a host. Raises Missing when nobody owns it."""
    return find_one(farm.deeds, lambda deed: deed.host == host.name)


def deeds_of(farm: Farm, host: Any) -> list[Any]:
    """The deeds of a host: one, or none."""
    return [deed for deed in farm.deeds.values() if deed.host == host.name]


def give_deed(farm: Farm, host: Any, owner: Any) -> None:
    """Make the owner the only one of this host."""
    for deed in deeds_of(farm, host):
        del farm.deeds[deed.id]
    deed = farm.messages.new(
        "host.Deed",
        id=farm.make_id(f"deed/{host.name}/{owner.name}"),
        host=host.name,
        owner=owner.name,
    )
    farm.deeds[deed.id] = deed
    count_hosts(farm)


def remove_deed(farm: Farm, deed: Any) -> None:
    """Nobody owns that host any more."""
    del farm.deeds[deed.id]
    count_hosts(farm)


def count_hosts(farm: Farm) -> None:
    """Bring every owner's number of hosts up to date."""
    for owner in farm.owners.values():
        owned = sum(deed.owner == owner.name for deed in farm.deeds.values())
        fill(owner, host_count=owned)


def remove_owner(farm: Farm, owner: Any) -> None:
    """Take an owner off the farm, and with it what it says of hosts."""
    for deed in [deed for deed in farm.deeds.values() if deed.owner == owner.name]:
        del farm.deeds[deed.id]
    farm.disown(owner.id)
    del farm.owners[owner.id]
