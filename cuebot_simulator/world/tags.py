"""The tags of hosts. Cuebot shows the allocation's first, then the host's name, then the others."""

from collections.abc import Callable, Collection, Iterable
from typing import Any

from cuebot_simulator.world.database_errors import check_length
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.state import Farm, by_name

LONGEST = 45


def change_tags(farm: Farm, host: Any, change: Callable[[list[str]], Iterable[str]]) -> None:
    """Let `change` make new tags of all but the one of the host's allocation, which stays."""
    own = by_name(farm.allocations, host.alloc_name).tag
    others = list(host.tags)
    if own in others:
        others.remove(own)
    changed = sorted(tag.strip() for tag in change(others) if tag.strip())
    names = [tag for tag in changed if tag == host.name]
    fill(host, tags=[own, *names, *(tag for tag in changed if tag != host.name)])


def add_tags(farm: Farm, host: Any, tags: Collection[str]) -> None:
    """Add tags, even those that are there already. Empty ones are left out. Raises Refusal."""
    for tag in tags:
        check_length(tag, LONGEST)
    change_tags(farm, host, lambda others: [*others, *tags])


def remove_tags(farm: Farm, host: Any, tags: Iterable[str]) -> None:
    """Remove tags, however often they are there."""
    unwanted = set(tags)
    change_tags(farm, host, lambda others: [tag for tag in others if tag not in unwanted])


def rename_tag(farm: Farm, host: Any, old: str, new: str) -> None:
    """Give a tag another name, if the host has it."""
    change_tags(farm, host, lambda others: [new if tag == old else tag for tag in others])
