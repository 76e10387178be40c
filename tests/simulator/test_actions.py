"""filter.ActionInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.messages import enum_name
from tests.simulator.desk import UNCAUGHT, Desk


@pytest.fixture
def priority(desk: Desk) -> Any:
    """The action of the studio's dailies that sets a priority."""
    return listed(desk)[1]


def listed(desk: Desk) -> list[Any]:
    found = desk("FilterInterface/FindFilter", show="demo", name="dailies").filter
    return list(desk("FilterInterface/GetActions", filter={"id": found.id}).actions.actions)


def test_an_action_is_replaced(desk: Desk, priority: Any) -> None:
    """ManageAction.commit takes the action whole, and clears the values of other types."""
    desk(
        "ActionInterface/Commit",
        action={
            "id": priority.id,
            "type": "SET_JOB_MIN_CORES",
            "value_type": "FLOAT_TYPE",
            "float_value": 2.5,
            "integer_value": 9,
        },
    )
    after = listed(desk)[1]
    assert (after.id, enum_name(after, "type")) == (priority.id, "SET_JOB_MIN_CORES")
    assert enum_name(after, "value_type") == "FLOAT_TYPE"
    assert (after.float_value, after.integer_value) == (2.5, 0)


def test_an_action_to_replace_has_to_be_there(desk: Desk) -> None:
    """ManageAction.commit catches Spring's exception, and throws its own."""
    text = "Invalid actionId on Action commit: no"
    assert desk.refusal("ActionInterface/Commit", action={"id": "no"}) == (
        "INTERNAL",
        f"com.imageworks.spcue.SpcueRuntimeException: {text}\n{text}",
    )


def test_a_refused_action_stays_as_it_was(desk: Desk, priority: Any) -> None:
    """FilterManagerService.updateAction is one transaction."""
    code, _ = desk.refusal(
        "ActionInterface/Commit",
        action={"id": priority.id, "value_type": "GROUP_TYPE", "group_value": "no"},
    )
    assert code == "INTERNAL"
    assert listed(desk)[1] == priority


def test_an_action_is_deleted_at_once(desk: Desk, priority: Any) -> None:
    """ManageAction.delete looks the action up by id first, and catches nothing."""
    desk("ActionInterface/Delete", action={"id": priority.id})
    assert priority not in listed(desk)
    assert desk.refusal("ActionInterface/Delete", action={"id": priority.id}) == (
        "INTERNAL",
        UNCAUGHT,
    )


def test_the_filter_of_an_action_is_never_found(desk: Desk, priority: Any) -> None:
    """ManageAction.getParentFilter builds an action without its filter, and asks that for it."""
    text = "Trying to get a filterId from a ActityEntity created without a filter"
    assert desk.refusal("ActionInterface/GetParentFilter", action={"id": priority.id}) == (
        "INTERNAL",
        f"com.imageworks.spcue.SpcueRuntimeException: {text}\n{text}",
    )
