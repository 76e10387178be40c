"""subscription.SubscriptionInterface."""

from typing import Any

import pytest

from tests.simulator.in_process import UNCAUGHT, Cuebot

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
    assert cuebot.refusal("SubscriptionInterface/Get", id="x") == ("INTERNAL", UNCAUGHT)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("local.general.nope", "EntityNotFoundException"),
        ("nope.general.demo", "EntityNotFoundException"),
        ("local.demo", "CueGrpcException"),
    ],
)
def test_an_unknown_subscription_is_an_error_of_its_own(
    cuebot: Cuebot, name: str, error: str
) -> None:
    """ManageSubscription.find throws Cuebot's own exceptions, which nobody catches."""
    text = {
        "EntityNotFoundException": f"A subscription to {name} was not found.",
        "CueGrpcException": "Subscription names must be in the form of alloc.show",
    }[error]
    assert cuebot.refusal("SubscriptionInterface/Find", name=name) == (
        "INTERNAL",
        f"com.imageworks.spcue.{error}: {text}\n{text}",
    )


def test_sizes_are_asked_for_in_cores_and_shown_in_hundredths(cuebot: Cuebot) -> None:
    """ManageSubscription.setSize and setBurst turn whole cores into core units."""
    key = {"id": subscription(cuebot).id}
    cuebot("SubscriptionInterface/SetSize", subscription=key, new_size=5)
    cuebot("SubscriptionInterface/SetBurst", subscription=key, burst=7)
    assert (subscription(cuebot).size, subscription(cuebot).burst) == (500, 700)
    cuebot("SubscriptionInterface/SetSize", subscription=key, new_size=-1)
    cuebot("SubscriptionInterface/SetBurst", subscription=key, burst=2**31 - 1)
    assert subscription(cuebot).size == -1
    assert subscription(cuebot).burst > 2_000_000_000
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
    assert cuebot.refusal("SubscriptionInterface/Get", id=idle.id) == ("INTERNAL", UNCAUGHT)


def test_reserved_gpus_are_those_of_the_procs_there(cuebot: Cuebot) -> None:
    """WhiteboardDaoJdbc shows the GPUs of a subscription beside its cores."""
    proc = next(each for each in cuebot.farm.procs.values() if each.show_name == "demo")
    place = cuebot.farm.host_with(proc).alloc_name
    proc.reserved_gpus = 2
    assert subscription(cuebot, f"{place}.demo").reserved_gpus == 2
    assert subscription(cuebot, f"{place}.harbor").reserved_gpus == 0
