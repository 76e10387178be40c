"""facility.FacilityInterface."""

from tests.simulator.in_process import NOTHING_FOUND, UNCAUGHT, Cuebot


def test_a_facility_is_found_by_name_or_id(cuebot: Cuebot) -> None:
    """FacilityDaoJdbc.getFacility compares both with the name it is given."""
    facility = cuebot("FacilityInterface/Get", name="local").facility
    assert cuebot("FacilityInterface/Get", name=facility.id).facility == facility
    assert cuebot.refusal("FacilityInterface/Get", name="x") == ("NOT_FOUND", NOTHING_FOUND)


def test_a_facility_has_allocations(cuebot: Cuebot) -> None:
    """The allocations of one facility, with their statistics, and none of another's."""
    facility = cuebot("FacilityInterface/Get", name="local").facility
    other = cuebot("FacilityInterface/Create", name="cloud").facility
    values = {"name": "burst", "tag": "burst", "facility": {"name": "cloud"}}
    cuebot("AllocationInterface/Create", **values)
    found = cuebot("FacilityInterface/GetAllocations", facility={"id": facility.id})
    sizes = {each.name: each.stats.hosts for each in found.allocations.allocations}
    assert sizes == {"local.general": 7, "local.desktop": 3}
    found = cuebot("FacilityInterface/GetAllocations", facility={"id": other.id})
    assert [each.name for each in found.allocations.allocations] == ["cloud.burst"]


def test_a_facility_is_created_once(cuebot: Cuebot) -> None:
    """ManageFacility.create answers what it made; a second of that name is an error."""
    made = cuebot("FacilityInterface/Create", name="cloud").facility
    assert cuebot("FacilityInterface/Get", name="cloud").facility == made
    code, text = cuebot.refusal("FacilityInterface/Create", name="cloud")
    assert (code, text.partition(":")[0]) == (
        "INTERNAL",
        "org.springframework.dao.DuplicateKeyException",
    )


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
    code, _ = cuebot.refusal("FacilityInterface/Rename", facility=other, new_name="home")
    assert code == "INTERNAL"


def test_an_empty_facility_can_be_deleted(cuebot: Cuebot) -> None:
    """FacilityDaoJdbc.deleteFacility leaves the rest to the database: foreign keys refuse."""
    cuebot("FacilityInterface/Create", name="cloud")
    cuebot("FacilityInterface/Delete", name="cloud")
    assert cuebot.refusal("FacilityInterface/Get", name="cloud")[0] == "NOT_FOUND"
    code, text = cuebot.refusal("FacilityInterface/Delete", name="local")
    assert code == "INTERNAL"
    assert '"c_alloc_pk_facility" on table "alloc"' in text
    assert cuebot.refusal("FacilityInterface/Delete", name="x") == ("INTERNAL", UNCAUGHT)
