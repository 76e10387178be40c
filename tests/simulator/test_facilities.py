"""facility.FacilityInterface."""

from tests.simulator.in_process import FOUND_TWO, NOTHING_FOUND, UNCAUGHT, Cuebot


def test_a_facility_is_found_by_name_or_id(cuebot: Cuebot) -> None:
    """FacilityDaoJdbc.getFacility compares both with the name it is given."""
    facility = cuebot("FacilityInterface/Get", name="local").facility
    assert cuebot("FacilityInterface/Get", name=facility.id).facility == facility
    assert cuebot.refusal("FacilityInterface/Get", name="x") == ("NOT_FOUND", NOTHING_FOUND)


def test_allocations_of_a_facility_are_not_told(cuebot: Cuebot) -> None:
    """ManageFacility does not override getAllocations, so gRPC answers UNIMPLEMENTED."""
    facility = cuebot("FacilityInterface/Get", name="local").facility
    assert cuebot.refusal("FacilityInterface/GetAllocations", facility={"id": facility.id}) == (
        "UNIMPLEMENTED",
        "Method facility.FacilityInterface/GetAllocations is unimplemented",
    )


def test_a_second_facility_of_a_name_hides_both(cuebot: Cuebot) -> None:
    """The table has no unique index on names: ManageFacility.create looks for what it has made."""
    made = cuebot("FacilityInterface/Create", name="cloud").facility
    assert cuebot("FacilityInterface/Get", name="cloud").facility == made
    for method in ("Create", "Get", "Delete"):
        refusal = cuebot.refusal(f"FacilityInterface/{method}", name="cloud")
        assert refusal == ("INTERNAL", FOUND_TWO)


def test_a_renamed_facility_shows_in_what_it_has(cuebot: Cuebot) -> None:
    """ManageFacility.rename changes one row; full names of allocations are other rows."""
    cuebot("FacilityInterface/Rename", facility={"name": "local"}, new_name="home")
    found = cuebot("AllocationInterface/Find", name="local.general").allocation
    assert found.facility == "home"
    found = cuebot("SubscriptionInterface/Find", name="local.general.demo").subscription
    assert found.facility == "home"
    assert {job.facility for job in cuebot("JobInterface/GetJobs").jobs.jobs} == {"home"}
    home, other = (cuebot("FacilityInterface/Get", name="home").facility), {"name": "local"}
    assert cuebot("FacilityInterface/Create", **other).facility.id != home.id
    refusal = cuebot.refusal("FacilityInterface/Rename", facility={"name": "x"}, new_name="y")
    assert refusal == ("INTERNAL", UNCAUGHT)
    cuebot("FacilityInterface/Rename", facility=other, new_name="home")
    assert cuebot.refusal("FacilityInterface/Get", name="home") == ("INTERNAL", FOUND_TWO)


def test_an_empty_facility_can_be_deleted(cuebot: Cuebot) -> None:
    """FacilityDaoJdbc.deleteFacility leaves the rest to the database: foreign keys refuse."""
    cuebot("FacilityInterface/Create", name="cloud")
    cuebot("FacilityInterface/Delete", name="cloud")
    assert cuebot.refusal("FacilityInterface/Get", name="cloud")[0] == "NOT_FOUND"
    code, text = cuebot.refusal("FacilityInterface/Delete", name="local")
    assert code == "INTERNAL"
    assert '"c_alloc_pk_facility" on table "alloc"' in text
    assert cuebot.refusal("FacilityInterface/Delete", name="x") == ("INTERNAL", UNCAUGHT)
