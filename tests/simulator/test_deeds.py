"""host.DeedInterface."""

from typing import Any

import pytest

from tests.simulator.desk import UNCAUGHT, Desk


@pytest.fixture
def deed(desk: Desk) -> Any:
    return desk("HostInterface/GetDeed", host={"id": desk.host("desk-201").id}).deed


def test_the_owner_of_a_deed(desk: Desk, deed: Any) -> None:
    """ManageDeed.getOwner finds the owner by the deed's id."""
    assert desk("DeedInterface/GetOwner", deed={"id": deed.id}).owner.name == "artist1"


def test_the_host_of_a_deed(desk: Desk, deed: Any) -> None:
    """As documented. (ManageDeed.getHost looks for a host with the deed's id, and fails.)"""
    found = desk("DeedInterface/GetHost", deed={"id": deed.id}).host
    assert found == desk.host("desk-201")


@pytest.mark.parametrize("method", ["GetOwner", "GetHost"])
def test_an_unknown_deed(desk: Desk, method: str) -> None:
    """ManageDeed does not catch Spring's exception: INTERNAL."""
    refusal = desk.refusal(f"DeedInterface/{method}", deed={"host": "desk-201"})
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_a_deed_is_deleted(desk: Desk, deed: Any) -> None:
    """DeedDao.deleteDeed: nobody owns the host then. Once more changes nothing."""
    for _ in range(2):
        desk("DeedInterface/Delete", deed={"id": deed.id})
    host = {"id": desk.host("desk-201").id}
    assert desk.refusal("HostInterface/GetOwner", host=host) == ("INTERNAL", UNCAUGHT)
    assert desk("OwnerInterface/GetOwner", name="artist1").owner.host_count == 0
    assert desk("OwnerInterface/GetOwner", name="artist2").owner.host_count == 1
