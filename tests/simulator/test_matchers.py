"""filter.MatcherInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.messages import enum_name
from tests.simulator.desk import UNCAUGHT, Desk


@pytest.fixture
def matcher(desk: Desk) -> Any:
    """The first matcher of the studio's dailies."""
    return listed(desk)[0]


def dailies(desk: Desk) -> Any:
    return desk("FilterInterface/FindFilter", show="demo", name="dailies").filter


def listed(desk: Desk) -> list[Any]:
    found = desk("FilterInterface/GetMatchers", filter={"id": dailies(desk).id})
    return list(found.matchers.matchers)


def test_a_matcher_is_replaced(desk: Desk, matcher: Any) -> None:
    """ManageMatcher.commit takes the matcher whole: what is not given is the first of its kind."""
    desk("MatcherInterface/Commit", matcher={"id": matcher.id, "subject": "USER", "type": "IS"})
    after = listed(desk)[0]
    assert after.id == matcher.id
    assert (enum_name(after, "subject"), enum_name(after, "type")) == ("USER", "IS")
    assert after.input == ""


def test_a_matcher_is_deleted_at_once(desk: Desk, matcher: Any) -> None:
    """ManageMatcher.delete takes the matcher by id."""
    desk("MatcherInterface/Delete", matcher={"id": matcher.id})
    assert [each.id for each in listed(desk)] == [
        each.id for each in desk.farm.matchers.values() if each.input == "dailies"
    ]


def test_the_filter_of_a_matcher(desk: Desk, matcher: Any) -> None:
    """ManageMatcher.getParentFilter answers the whole filter."""
    found = desk("MatcherInterface/GetParentFilter", matcher={"id": matcher.id})
    assert found.filter == dailies(desk)


@pytest.mark.parametrize("method", ["Commit", "Delete", "GetParentFilter"])
def test_a_matcher_has_to_be_there(desk: Desk, method: str) -> None:
    """ManageMatcher catches nothing."""
    assert desk.refusal(f"MatcherInterface/{method}", matcher={"id": "no"}) == (
        "INTERNAL",
        UNCAUGHT,
    )
