"""host.DeedInterface."""

from typing import Any

import pytest

from tests.simulator.in_process import UNCAUGHT, Cuebot


@pytest.fixture
def deed(cuebot: Cuebot) -> Any:
    return cuebot("HostInterface/GetDeed", host={"id": cuebot.host("desk-201").id}).deed


def test_the_owner_of_a_deed(cuebot: Cuebot, deed: Any) -> None:
    """ManageDeed.getOwner finds the owner by the deed's id."""
    assert cuebot("DeedInterface/GetOwner", deed={"id": deed.id}).owner.name == "artist1"


def test_the_host_of_a_deed(cuebot: Cuebot, deed: Any) -> None:
    """ManageDeed.getHost looks for a host with the deed's id, and always fails."""
    refusal = cuebot.refusal("DeedInterface/GetHost", deed={"id": deed.id})
    assert refusal == ("INTERNAL", UNCAUGHT)


@pytest.mark.parametrize("method", ["GetOwner", "GetHost"])
def test_an_unknown_deed(cuebot: Cuebot, method: str) -> None:
    """ManageDeed does not catch Spring's exception: INTERNAL."""
    refusal = cuebot.refusal(f"DeedInterface/{method}", deed={"host": "desk-201"})
    assert refusal == ("INTERNAL", UNCAUGHT)


def test_a_deed_is_deleted(cuebot: Cuebot, deed: Any) -> None:
    """DeedDao.deleteDeed: nobody owns the host then. Once more changes nothing."""
    for _ in range(2):
        cuebot("DeedInterface/Delete", deed={"id": deed.id})
    host = {"id": cuebot.host("desk-201").id}
    assert cuebot.refusal("HostInterface/GetOwner", host=host) == ("INTERNAL", UNCAUGHT)
    assert cuebot("OwnerInterface/GetOwner", name="artist1").owner.host_count == 0
    assert cuebot("OwnerInterface/GetOwner", name="artist2").owner.host_count == 1
