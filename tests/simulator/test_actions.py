"""filter.ActionInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.messages import enum_name
from tests.simulator.in_process import UNCAUGHT, Cuebot


@pytest.fixture
def priority(cuebot: Cuebot) -> Any:
    """The action of the studio's dailies that sets a priority."""
    return listed(cuebot)[1]


def listed(cuebot: Cuebot) -> list[Any]:
    found = cuebot("FilterInterface/FindFilter", show="demo", name="dailies").filter
    return list(cuebot("FilterInterface/GetActions", filter={"id": found.id}).actions.actions)


def test_an_action_is_replaced(cuebot: Cuebot, priority: Any) -> None:
    """ManageAction.commit takes the action whole, and clears the values of other types."""
    cuebot(
        "ActionInterface/Commit",
        action={
            "id": priority.id,
            "type": "SET_JOB_MIN_CORES",
            "value_type": "FLOAT_TYPE",
            "float_value": 2.5,
            "integer_value": 9,
        },
    )
    after = listed(cuebot)[1]
    assert (after.id, enum_name(after, "type")) == (priority.id, "SET_JOB_MIN_CORES")
    assert enum_name(after, "value_type") == "FLOAT_TYPE"
    assert (after.float_value, after.integer_value) == (2.5, 0)


def test_an_action_to_replace_has_to_be_there(cuebot: Cuebot) -> None:
    """ManageAction.commit catches Spring's exception, and throws its own."""
    text = "Invalid actionId on Action commit: no"
    assert cuebot.refusal("ActionInterface/Commit", action={"id": "no"}) == (
        "INTERNAL",
        f"com.imageworks.spcue.SpcueRuntimeException: {text}\n{text}",
    )


def test_a_refused_action_stays_as_it_was(cuebot: Cuebot, priority: Any) -> None:
    """FilterManagerService.updateAction is one transaction."""
    code, _ = cuebot.refusal(
        "ActionInterface/Commit",
        action={"id": priority.id, "value_type": "GROUP_TYPE", "group_value": "no"},
    )
    assert code == "INTERNAL"
    assert listed(cuebot)[1] == priority


def test_an_action_is_deleted_at_once(cuebot: Cuebot, priority: Any) -> None:
    """ManageAction.delete looks the action up by id first, and catches nothing."""
    cuebot("ActionInterface/Delete", action={"id": priority.id})
    assert priority not in listed(cuebot)
    assert cuebot.refusal("ActionInterface/Delete", action={"id": priority.id}) == (
        "INTERNAL",
        UNCAUGHT,
    )


def test_the_filter_of_an_action_is_never_found(cuebot: Cuebot, priority: Any) -> None:
    """ManageAction.getParentFilter builds an action without its filter, and asks that for it."""
    text = "Trying to get a filterId from a ActityEntity created without a filter"
    assert cuebot.refusal("ActionInterface/GetParentFilter", action={"id": priority.id}) == (
        "INTERNAL",
        f"com.imageworks.spcue.SpcueRuntimeException: {text}\n{text}",
    )
