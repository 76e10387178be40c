"""Groups: their names, places and deletion."""

from collections.abc import Sequence
from typing import Any

from cuebot_simulator.world.jobs import move_job, note_group
from cuebot_simulator.world.messages import fill
from cuebot_simulator.world.new_entities import add_group
from cuebot_simulator.world.refusals import (
    MODIFICATION_CLASS,
    JavaException,
    Refusal,
    check_length,
    duplicate,
)
from cuebot_simulator.world.state import Farm, is_pending

LONGEST_NAME = 36
IN_USE = (
    "Failed to remove group, be sure that there are no jobs or filter actions pointing at the"
    " group."
)


def subgroups_of(farm: Farm, group: Any) -> list[Any]:
    """The groups right below a group, by name."""
    groups = farm.groups_of(farm.show_of(group))
    return [each for each in groups if each.parent_id == group.id]


def name_taken(parent: Any, name: str) -> JavaException:
    return duplicate(f"group {name} in {parent.name}")


def group_name_error(name: str) -> str:
    """Why no group can have that name, or nothing."""
    try:
        check_length(name, LONGEST_NAME)
    except JavaException as error:
        return f"error creating group, {error.line}"
    return ""


def add_subgroup(farm: Farm, parent: Any, name: str) -> Any:
    """A new group in another. Raises Refusal when one of that name is there."""
    if any(group.name == name for group in subgroups_of(farm, parent)):
        raise JavaException(
            "com.imageworks.spcue.EntityCreationError",
            f"error creating group, {name_taken(parent, name).line}",
        )
    if why := group_name_error(name):
        raise JavaException("com.imageworks.spcue.EntityCreationError", why)
    return add_group(farm, farm.show_of(parent), name, parent=parent)


def rename_group(farm: Farm, group: Any, name: str) -> None:
    check_length(name, LONGEST_NAME)
    parent = farm.groups.get(group.parent_id)
    neighbours = subgroups_of(farm, parent) if parent else []
    if any(each.name == name and each.id != group.id for each in neighbours):
        raise name_taken(parent, name)
    fill(group, name=name)
    for job in farm.jobs_of(group):
        note_group(farm, job)


def move_groups(farm: Farm, groups: Sequence[Any], parent: Any) -> None:
    """Put groups into another one of their show: all of them, or none with a Refusal."""
    owners = {group.name: group.id for group in subgroups_of(farm, parent)}
    for group in groups:
        check_move(farm, group, parent)
        if owners.setdefault(group.name, group.id) != group.id:
            raise name_taken(parent, group.name)
    for group in groups:
        fill(group, parent_id=parent.id)
        set_level(farm, group, parent.level + 1)


def check_move(farm: Farm, group: Any, parent: Any) -> None:
    """Raise Refusal when a group must not come into another one."""
    if group.id == parent.id:
        raise not_moved("cannot move group into itself")
    if farm.show_of(group) is not farm.show_of(parent):
        raise not_moved("cannot move groups between shows")
    above = parent
    while above.parent_id:
        above = farm.groups[above.parent_id]
        if above is group:
            raise not_moved("you cannot move a group into one of its sub groups")


def not_moved(why: str) -> Refusal:
    return JavaException(MODIFICATION_CLASS, f"error moving group, {why}")


def set_level(farm: Farm, group: Any, level: int) -> None:
    fill(group, level=level)
    for each in subgroups_of(farm, group):
        set_level(farm, each, level + 1)


def delete_group(farm: Farm, group: Any) -> None:
    """Remove an empty group. Its finished jobs go to the root group, which always stays.

    Raises Refusal while there are groups or pending jobs in it, or an action that moves jobs there.
    """
    root = farm.root_group(farm.show_of(group))
    targets = {action.group_value for action in farm.actions.values()}
    if (
        subgroups_of(farm, group)
        or any(map(is_pending, farm.jobs_of(group)))
        or (group.id in targets and group is not root)
    ):
        raise Refusal(IN_USE)
    if group is root:
        return
    for job in farm.jobs_of(group):
        move_job(farm, job, root, inherited=())
    farm.disown(group.id)
    del farm.groups[group.id]
