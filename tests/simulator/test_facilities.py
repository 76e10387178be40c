"""facility.FacilityInterface."""

from tests.simulator.desk import NOTHING_FOUND, UNCAUGHT, Desk


def test_a_facility_is_found_by_name_or_id(desk: Desk) -> None:
    """FacilityDaoJdbc.getFacility compares both with the name it is given."""
    facility = desk("FacilityInterface/Get", name="local").facility
    assert desk("FacilityInterface/Get", name=facility.id).facility == facility
    assert desk.refusal("FacilityInterface/Get", name="x") == ("NOT_FOUND", NOTHING_FOUND)


def test_a_facility_has_allocations(desk: Desk) -> None:
    """The allocations of one facility, with their statistics, and none of another's."""
    facility = desk("FacilityInterface/Get", name="local").facility
    other = desk("FacilityInterface/Create", name="cloud").facility
    values = {"name": "burst", "tag": "burst", "facility": {"name": "cloud"}}
    desk("AllocationInterface/Create", **values)
    found = desk("FacilityInterface/GetAllocations", facility={"id": facility.id})
    sizes = {each.name: each.stats.hosts for each in found.allocations.allocations}
    assert sizes == {"local.general": 7, "local.desktop": 3}
    found = desk("FacilityInterface/GetAllocations", facility={"id": other.id})
    assert [each.name for each in found.allocations.allocations] == ["cloud.burst"]


def test_a_facility_is_created_once(desk: Desk) -> None:
    """ManageFacility.create answers what it made; a second of that name is an error."""
    made = desk("FacilityInterface/Create", name="cloud").facility
    assert desk("FacilityInterface/Get", name="cloud").facility == made
    code, text = desk.refusal("FacilityInterface/Create", name="cloud")
    assert (code, text.partition(":")[0]) == (
        "INTERNAL",
        "org.springframework.dao.DuplicateKeyException",
    )


def test_a_renamed_facility_shows_in_what_it_has(desk: Desk) -> None:
    """ManageFacility.rename changes one row; full names of allocations are other rows."""
    desk("FacilityInterface/Rename", facility={"name": "local"}, new_name="home")
    found = desk("AllocationInterface/Find", name="local.general").allocation
    assert found.facility == "home"
    found = desk("SubscriptionInterface/Find", name="local.general.demo").subscription
    assert found.facility == "home"
    assert {job.facility for job in desk("JobInterface/GetJobs").jobs.jobs} == {"home"}
    home, other = (desk("FacilityInterface/Get", name="home").facility), {"name": "local"}
    assert desk("FacilityInterface/Create", **other).facility.id != home.id
    refusal = desk.refusal("FacilityInterface/Rename", facility={"name": "x"}, new_name="y")
    assert refusal == ("INTERNAL", UNCAUGHT)
    code, _ = desk.refusal("FacilityInterface/Rename", facility=other, new_name="home")
    assert code == "INTERNAL"


def test_an_empty_facility_can_be_deleted(desk: Desk) -> None:
    """FacilityDaoJdbc.deleteFacility leaves the rest to the database: foreign keys refuse."""
    desk("FacilityInterface/Create", name="cloud")
    desk("FacilityInterface/Delete", name="cloud")
    assert desk.refusal("FacilityInterface/Get", name="cloud")[0] == "NOT_FOUND"
    code, text = desk.refusal("FacilityInterface/Delete", name="local")
    assert code == "INTERNAL"
    assert '"c_alloc_pk_facility" on table "alloc"' in text
    assert desk.refusal("FacilityInterface/Delete", name="x") == ("INTERNAL", UNCAUGHT)
