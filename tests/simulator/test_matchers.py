"""filter.MatcherInterface."""

from typing import Any

import pytest

from cuebot_simulator.world.messages import enum_name
from tests.simulator.in_process import UNCAUGHT, Cuebot


@pytest.fixture
def matcher(cuebot: Cuebot) -> Any:
    """The first matcher of the studio's dailies."""
    return listed(cuebot)[0]


def dailies(cuebot: Cuebot) -> Any:
    return cuebot("FilterInterface/FindFilter", show="demo", name="dailies").filter


def listed(cuebot: Cuebot) -> list[Any]:
    found = cuebot("FilterInterface/GetMatchers", filter={"id": dailies(cuebot).id})
    return list(found.matchers.matchers)


def test_a_matcher_is_replaced(cuebot: Cuebot, matcher: Any) -> None:
    """ManageMatcher.commit takes the matcher whole: what is not given is the first of its kind."""
    cuebot("MatcherInterface/Commit", matcher={"id": matcher.id, "subject": "USER", "type": "IS"})
    after = listed(cuebot)[0]
    assert after.id == matcher.id
    assert (enum_name(after, "subject"), enum_name(after, "type")) == ("USER", "IS")
    assert after.input == ""


def test_a_matcher_is_deleted_at_once(cuebot: Cuebot, matcher: Any) -> None:
    """ManageMatcher.delete takes the matcher by id."""
    cuebot("MatcherInterface/Delete", matcher={"id": matcher.id})
    assert [each.id for each in listed(cuebot)] == [
        each.id for each in cuebot.farm.matchers.values() if each.input == "dailies"
    ]


def test_the_filter_of_a_matcher(cuebot: Cuebot, matcher: Any) -> None:
    """ManageMatcher.getParentFilter answers the whole filter."""
    found = cuebot("MatcherInterface/GetParentFilter", matcher={"id": matcher.id})
    assert found.filter == dailies(cuebot)


@pytest.mark.parametrize("method", ["Commit", "Delete", "GetParentFilter"])
def test_a_matcher_has_to_be_there(cuebot: Cuebot, method: str) -> None:
    """ManageMatcher catches nothing."""
    assert cuebot.refusal(f"MatcherInterface/{method}", matcher={"id": "no"}) == (
        "INTERNAL",
        UNCAUGHT,
    )
