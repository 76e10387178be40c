"""subscription.SubscriptionInterface."""

from typing import Any

import pytest

from tests.simulator.in_process import NOTHING_FOUND, UNCAUGHT, Cuebot

MODIFICATION = "com.imageworks.spcue.EntityModificationError"


def subscription(cuebot: Cuebot, name: str = "local.general.demo") -> Any:
    return cuebot("SubscriptionInterface/Find", name=name).subscription


def test_a_subscription_is_found_by_allocation_and_show(cuebot: Cuebot) -> None:
    """ManageSubscription.find splits facility, allocation and show; get takes the id."""
    found = subscription(cuebot)
    assert (found.show_name, found.allocation_name, found.facility) == (
        "demo",
        "local.general",
        "local",
    )
    assert cuebot("SubscriptionInterface/Get", id=found.id).subscription == found
    refusal = cuebot.refusal("SubscriptionInterface/Get", id="x")
    assert refusal == ("NOT_FOUND", NOTHING_FOUND)


@pytest.mark.parametrize("name", ["local.general.nope", "nope.general.demo"])
def test_a_subscription_that_is_not_there_is_not_found(cuebot: Cuebot, name: str) -> None:
    """ManageSubscription.find says which one."""
    text = f"A subscription to {name} was not found."
    assert cuebot.refusal("SubscriptionInterface/Find", name=name) == ("NOT_FOUND", text)


def test_half_a_name_is_an_error_of_its_own(cuebot: Cuebot) -> None:
    """ManageSubscription.find throws an exception of Cuebot's, which nobody catches."""
    text = "Subscription names must be in the form of alloc.show"
    assert cuebot.refusal("SubscriptionInterface/Find", name="local.demo") == (
        "INTERNAL",
        f"com.imageworks.spcue.CueGrpcException: {text}\n{text}",
    )


def test_sizes_are_set_in_hundredths_of_cores(cuebot: Cuebot) -> None:
    """ManageSubscription.setSize and setBurst take the numbers as they are."""
    key = {"id": subscription(cuebot).id}
    cuebot("SubscriptionInterface/SetSize", subscription=key, new_size=5)
    cuebot("SubscriptionInterface/SetBurst", subscription=key, burst=7)
    assert (subscription(cuebot).size, subscription(cuebot).burst) == (5, 7)
    cuebot("SubscriptionInterface/SetSize", subscription=key, new_size=-1)
    cuebot("SubscriptionInterface/SetBurst", subscription=key, burst=2**31 - 1)
    assert subscription(cuebot).size == -1
    assert subscription(cuebot).burst == 2**31 - 1
    nobody = {"id": "x"}
    refusal = cuebot.refusal("SubscriptionInterface/SetSize", subscription=nobody, new_size=1)
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_the_burst_ends_what_a_show_may_book(cuebot: Cuebot) -> None:
    """Cuebot books nothing more for a show that is at its burst in an allocation."""
    cuebot("SubscriptionInterface/SetBurst", subscription={"id": subscription(cuebot).id}, burst=0)
    cuebot.wait(300)
    assert subscription(cuebot).reserved_cores == 0
    assert subscription(cuebot, "local.general.harbor").reserved_cores > 0


def test_an_idle_subscription_can_be_deleted(cuebot: Cuebot) -> None:
    """SubscriptionDaoJdbc.deleteSubscription refuses while the show has cores there."""
    text = "You cannot delete a subscription with running procs"
    busy, idle = subscription(cuebot), subscription(cuebot, "local.desktop.northwind")
    assert busy.reserved_cores > 0
    assert idle.reserved_cores == 0
    refusal = cuebot.refusal("SubscriptionInterface/Delete", subscription={"id": busy.id})
    assert refusal == ("INTERNAL", f"{MODIFICATION}: {text}\n{text}")
    cuebot("SubscriptionInterface/Delete", subscription={"id": idle.id})
    assert cuebot.refusal("SubscriptionInterface/Get", id=idle.id)[0] == "NOT_FOUND"


def test_reserved_gpus_are_those_of_the_procs_there(cuebot: Cuebot) -> None:
    """WhiteboardDaoJdbc shows the GPUs of a subscription beside its cores."""
    proc = next(each for each in cuebot.farm.procs.values() if each.show_name == "demo")
    place = cuebot.farm.host_with(proc).alloc_name
    proc.reserved_gpus = 2
    assert subscription(cuebot, f"{place}.demo").reserved_gpus == 2
    assert subscription(cuebot, f"{place}.harbor").reserved_gpus == 0
