"""host.OwnerInterface."""

from typing import Any

import pytest

from tests.simulator.desk import NOTHING_FOUND, UNCAUGHT, Desk


def owner(desk: Desk, name: str = "artist1") -> Any:
    return desk("OwnerInterface/GetOwner", name=name).owner


def hosts(desk: Desk, name: str) -> set[str]:
    by_id = {"id": owner(desk, name).id}
    return {host.name for host in desk("OwnerInterface/GetHosts", owner=by_id).hosts.hosts}


def test_an_owner_is_found_by_name_or_id(desk: Desk) -> None:
    """ManageOwner.getOwner takes both in `name`, and catches Spring's exception: NOT_FOUND."""
    found = owner(desk)
    assert (found.name, found.show, found.host_count) == ("artist1", "demo", 1)
    assert owner(desk, found.id) == found
    assert desk.refusal("OwnerInterface/GetOwner", name="no") == ("NOT_FOUND", NOTHING_FOUND)


@pytest.mark.parametrize("method", ["Delete", "GetDeeds", "GetHosts", "SetShow", "TakeOwnership"])
def test_other_methods_take_only_the_id(desk: Desk, method: str) -> None:
    """ManageOwner.getOwnerById lets the exception through: INTERNAL."""
    refusal = desk.refusal(f"OwnerInterface/{method}", owner={"id": "no", "name": "artist1"})
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_the_deeds_and_hosts_of_an_owner(desk: Desk) -> None:
    """Whiteboard.getDeeds and getHosts of an owner."""
    (deed,) = desk("OwnerInterface/GetDeeds", owner={"id": owner(desk).id}).deeds.deeds
    assert (deed.host, deed.owner) == ("desk-201", "artist1")
    assert hosts(desk, "artist1") == {"desk-201"}


def test_a_host_is_taken_from_its_owner(desk: Desk) -> None:
    """OwnerManager.takeOwnership deletes the old deed, and makes a new one."""
    desk("OwnerInterface/TakeOwnership", owner={"id": owner(desk).id}, host="desk-202")
    assert hosts(desk, "artist1") == {"desk-201", "desk-202"}
    assert hosts(desk, "artist2") == set()
    assert (owner(desk).host_count, owner(desk, "artist2").host_count) == (2, 0)


def test_only_nimby_hosts_are_taken(desk: Desk) -> None:
    """OwnerManager.takeOwnership throws a SpcueRuntimeException for any other host."""
    by_id = {"id": owner(desk).id}
    refusal = desk.refusal("OwnerInterface/TakeOwnership", owner=by_id, host="render-node-01")
    text = "Cannot setup deeeds on non-NIMBY hosts."
    assert refusal == (
        "INTERNAL",
        f"com.imageworks.spcue.SpcueRuntimeException: {text}\n{text}",
    )


def test_the_host_is_taken_by_its_name(desk: Desk) -> None:
    """HostManager.findHost takes no id: INTERNAL."""
    values = {"owner": {"id": owner(desk).id}, "host": desk.host("desk-203").id}
    assert desk.refusal("OwnerInterface/TakeOwnership", **values) == ("INTERNAL", UNCAUGHT)


def test_an_owner_changes_the_show(desk: Desk) -> None:
    """ManageOwner.setShow finds the show by its name."""
    desk("OwnerInterface/SetShow", owner={"id": owner(desk).id}, show="harbor")
    assert owner(desk).show == "harbor"
    values = {"owner": {"id": owner(desk).id}, "show": "no"}
    assert desk.refusal("OwnerInterface/SetShow", **values) == ("INTERNAL", UNCAUGHT)
    assert owner(desk).show == "harbor"


def test_an_owner_is_deleted(desk: Desk) -> None:
    """OwnerDao.deleteOwner: the deeds show nowhere any more."""
    desk("OwnerInterface/Delete", owner={"id": owner(desk).id})
    assert desk.refusal("OwnerInterface/GetOwner", name="artist1")[0] == "NOT_FOUND"
    by_id = {"id": desk.host("desk-201").id}
    assert desk.refusal("HostInterface/GetDeed", host=by_id) == ("INTERNAL", UNCAUGHT)
    assert hosts(desk, "artist2") == {"desk-202"}
