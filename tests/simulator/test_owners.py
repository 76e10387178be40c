"""host.OwnerInterface."""

from typing import Any

import pytest

from tests.simulator.in_process import NOTHING_FOUND, UNCAUGHT, Cuebot


def owner(cuebot: Cuebot, name: str = "artist1") -> Any:
    return cuebot("OwnerInterface/GetOwner", name=name).owner


def hosts(cuebot: Cuebot, name: str) -> set[str]:
    by_id = {"id": owner(cuebot, name).id}
    return {host.name for host in cuebot("OwnerInterface/GetHosts", owner=by_id).hosts.hosts}


def test_an_owner_is_found_by_name_or_id(cuebot: Cuebot) -> None:
    """ManageOwner.getOwner takes both in `name`, and catches Spring's exception: NOT_FOUND."""
    found = owner(cuebot)
    assert (found.name, found.show, found.host_count) == ("artist1", "demo", 1)
    assert owner(cuebot, found.id) == found
    assert cuebot.refusal("OwnerInterface/GetOwner", name="no") == ("NOT_FOUND", NOTHING_FOUND)


@pytest.mark.parametrize("method", ["Delete", "GetDeeds", "GetHosts", "SetShow", "TakeOwnership"])
def test_other_methods_take_only_the_id(cuebot: Cuebot, method: str) -> None:
    """ManageOwner.getOwnerById lets the exception through: INTERNAL."""
    refusal = cuebot.refusal(f"OwnerInterface/{method}", owner={"id": "no", "name": "artist1"})
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_the_deeds_and_hosts_of_an_owner(cuebot: Cuebot) -> None:
    """Whiteboard.getDeeds and getHosts of an owner."""
    (deed,) = cuebot("OwnerInterface/GetDeeds", owner={"id": owner(cuebot).id}).deeds.deeds
    assert (deed.host, deed.owner) == ("desk-201", "artist1")
    assert hosts(cuebot, "artist1") == {"desk-201"}


def test_a_host_is_taken_from_its_owner(cuebot: Cuebot) -> None:
    """OwnerManager.takeOwnership deletes the old deed, and makes a new one."""
    cuebot("OwnerInterface/TakeOwnership", owner={"id": owner(cuebot).id}, host="desk-202")
    assert hosts(cuebot, "artist1") == {"desk-201", "desk-202"}
    assert hosts(cuebot, "artist2") == set()
    assert (owner(cuebot).host_count, owner(cuebot, "artist2").host_count) == (2, 0)


def test_only_nimby_hosts_are_taken(cuebot: Cuebot) -> None:
    """OwnerManager.takeOwnership throws a SpcueRuntimeException for any other host."""
    by_id = {"id": owner(cuebot).id}
    refusal = cuebot.refusal("OwnerInterface/TakeOwnership", owner=by_id, host="render-node-01")
    text = "Cannot setup deeeds on non-NIMBY hosts."
    assert refusal == (
        "INTERNAL",
        f"com.imageworks.spcue.SpcueRuntimeException: {text}\n{text}",
    )


def test_the_host_is_taken_by_its_name(cuebot: Cuebot) -> None:
    """HostManager.findHost takes no id: INTERNAL."""
    values = {"owner": {"id": owner(cuebot).id}, "host": cuebot.host("desk-203").id}
    assert cuebot.refusal("OwnerInterface/TakeOwnership", **values) == ("INTERNAL", UNCAUGHT)


def test_an_owner_changes_the_show(cuebot: Cuebot) -> None:
    """ManageOwner.setShow finds the show by its name."""
    cuebot("OwnerInterface/SetShow", owner={"id": owner(cuebot).id}, show="harbor")
    assert owner(cuebot).show == "harbor"
    values = {"owner": {"id": owner(cuebot).id}, "show": "no"}
    assert cuebot.refusal("OwnerInterface/SetShow", **values) == ("INTERNAL", UNCAUGHT)
    assert owner(cuebot).show == "harbor"


def test_an_owner_is_deleted(cuebot: Cuebot) -> None:
    """OwnerDao.deleteOwner: the deeds show nowhere any more."""
    cuebot("OwnerInterface/Delete", owner={"id": owner(cuebot).id})
    assert cuebot.refusal("OwnerInterface/GetOwner", name="artist1")[0] == "NOT_FOUND"
    by_id = {"id": cuebot.host("desk-201").id}
    assert cuebot.refusal("HostInterface/GetDeed", host=by_id) == ("INTERNAL", UNCAUGHT)
    assert hosts(cuebot, "artist2") == {"desk-202"}
