"""subscription.SubscriptionInterface."""

from typing import Any

import pytest

from tests.simulator.desk import UNCAUGHT, Desk

MODIFICATION = "com.imageworks.spcue.EntityModificationError"


def subscription(desk: Desk, name: str = "local.general.demo") -> Any:
    return desk("SubscriptionInterface/Find", name=name).subscription


def test_a_subscription_is_found_by_allocation_and_show(desk: Desk) -> None:
    """ManageSubscription.find splits facility, allocation and show; get takes the id."""
    found = subscription(desk)
    assert (found.show_name, found.allocation_name, found.facility) == (
        "demo",
        "local.general",
        "local",
    )
    assert desk("SubscriptionInterface/Get", id=found.id).subscription == found
    assert desk.refusal("SubscriptionInterface/Get", id="x") == ("INTERNAL", UNCAUGHT)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("local.general.nope", "EntityNotFoundException"),
        ("nope.general.demo", "EntityNotFoundException"),
        ("local.demo", "CueGrpcException"),
    ],
)
def test_an_unknown_subscription_is_an_error_of_its_own(desk: Desk, name: str, error: str) -> None:
    """ManageSubscription.find throws Cuebot's own exceptions, which nobody catches."""
    text = {
        "EntityNotFoundException": f"A subscription to {name} was not found.",
        "CueGrpcException": "Subscription names must be in the form of alloc.show",
    }[error]
    assert desk.refusal("SubscriptionInterface/Find", name=name) == (
        "INTERNAL",
        f"com.imageworks.spcue.{error}: {text}\n{text}",
    )


def test_sizes_are_asked_for_in_cores_and_shown_in_hundredths(desk: Desk) -> None:
    """ManageSubscription.setSize and setBurst turn whole cores into core units."""
    key = {"id": subscription(desk).id}
    desk("SubscriptionInterface/SetSize", subscription=key, new_size=5)
    desk("SubscriptionInterface/SetBurst", subscription=key, burst=7)
    assert (subscription(desk).size, subscription(desk).burst) == (500, 700)
    desk("SubscriptionInterface/SetSize", subscription=key, new_size=-1)
    desk("SubscriptionInterface/SetBurst", subscription=key, burst=2**31 - 1)
    assert subscription(desk).size == -1
    assert subscription(desk).burst > 2_000_000_000
    nobody = {"id": "x"}
    refusal = desk.refusal("SubscriptionInterface/SetSize", subscription=nobody, new_size=1)
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_the_burst_ends_what_a_show_may_book(desk: Desk) -> None:
    """Cuebot books nothing more for a show that is at its burst in an allocation."""
    desk("SubscriptionInterface/SetBurst", subscription={"id": subscription(desk).id}, burst=0)
    desk.wait(300)
    assert subscription(desk).reserved_cores == 0
    assert subscription(desk, "local.general.harbor").reserved_cores > 0


def test_an_idle_subscription_can_be_deleted(desk: Desk) -> None:
    """SubscriptionDaoJdbc.deleteSubscription refuses while the show has cores there."""
    text = "You cannot delete a subscription with running procs"
    busy, idle = subscription(desk), subscription(desk, "local.desktop.northwind")
    assert busy.reserved_cores > 0
    assert idle.reserved_cores == 0
    refusal = desk.refusal("SubscriptionInterface/Delete", subscription={"id": busy.id})
    assert refusal == ("INTERNAL", f"{MODIFICATION}: {text}\n{text}")
    desk("SubscriptionInterface/Delete", subscription={"id": idle.id})
    assert desk.refusal("SubscriptionInterface/Get", id=idle.id) == ("INTERNAL", UNCAUGHT)


def test_reserved_gpus_are_those_of_the_procs_there(desk: Desk) -> None:
    """WhiteboardDaoJdbc shows the GPUs of a subscription beside its cores."""
    proc = next(each for each in desk.farm.procs.values() if each.show_name == "demo")
    place = desk.farm.host_with(proc).alloc_name
    proc.reserved_gpus = 2
    assert subscription(desk, f"{place}.demo").reserved_gpus == 2
    assert subscription(desk, f"{place}.harbor").reserved_gpus == 0
