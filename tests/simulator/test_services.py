"""service.ServiceInterface."""

import pytest

from tests.simulator.in_process import NOTHING_FOUND, Cuebot

BLENDER = {
    "name": "blender",
    "threadable": True,
    "min_cores": 200,
    "max_cores": 800,
    "min_memory": 4_194_304,
    "tags": ["general", "gpu only", "general"],
    "timeout": 90,
    "timeout_llu": 30,
    "min_memory_increase": 1_048_576,
}


def names(cuebot: Cuebot) -> set[str]:
    found = cuebot("ServiceInterface/GetDefaultServices").services.services
    return {service.name for service in found}


def test_a_service_is_found_by_name_or_id(cuebot: Cuebot) -> None:
    """ManageService.getService looks for either in `name`, and catches what is not there."""
    nuke = cuebot("ServiceInterface/GetService", name="nuke").service
    assert cuebot("ServiceInterface/GetService", name=nuke.id).service == nuke
    assert cuebot.refusal("ServiceInterface/GetService", name="x") == ("NOT_FOUND", NOTHING_FOUND)


def test_a_new_service_has_all_that_was_asked_for(cuebot: Cuebot) -> None:
    """ManageService.createService takes every field but the id, and stores tags once each."""
    made = cuebot("ServiceInterface/CreateService", data={"id": "mine", **BLENDER}).service
    assert made.id not in ("", "mine")
    assert list(made.tags) == ["general", "gpuonly"]
    assert (made.threadable, made.min_cores, made.max_cores) == (True, 200, 800)
    assert (made.timeout, made.timeout_llu, made.min_memory_increase) == (90, 30, 1_048_576)
    assert cuebot("ServiceInterface/GetService", name="blender").service == made
    assert "blender" in names(cuebot)


def test_a_service_without_tags_has_an_empty_one(cuebot: Cuebot) -> None:
    """Cuebot keeps tags as one text, and splits the empty text into one empty tag."""
    assert list(cuebot("ServiceInterface/CreateService", data={"name": "bare"}).service.tags) == [
        ""
    ]


def test_two_services_cannot_have_one_name(cuebot: Cuebot) -> None:
    """The table has a unique index on the name, which a new service and an update can violate."""
    code, text = cuebot.refusal("ServiceInterface/CreateService", data={"name": "nuke"})
    assert code == "INTERNAL"
    assert text.startswith("org.springframework.dao.DuplicateKeyException: ")
    assert '"i_service_str_name"' in text
    maya = cuebot("ServiceInterface/GetService", name="maya").service
    taken = {"id": maya.id, "name": "nuke"}
    assert '"i_service_str_name"' in cuebot.refusal("ServiceInterface/Update", service=taken)[1]
    assert cuebot("ServiceInterface/GetService", name="maya").service == maya


def test_an_update_replaces_the_whole_service(cuebot: Cuebot) -> None:
    """ManageService.update writes every column: what the request leaves out becomes 0."""
    nuke = cuebot("ServiceInterface/GetService", name="nuke").service
    cuebot(
        "ServiceInterface/Update", service={"id": nuke.id, "name": "nuke14", "tags": ["desktop"]}
    )
    changed = cuebot("ServiceInterface/GetService", name=nuke.id).service
    assert (changed.name, list(changed.tags)) == ("nuke14", ["desktop"])
    assert (changed.min_cores, changed.min_memory, changed.threadable) == (0, 0, False)
    assert "nuke" not in names(cuebot)
    cuebot("ServiceInterface/Update", service={"id": nuke.id, "name": "nuke14", "min_cores": 50})
    assert cuebot("ServiceInterface/GetService", name="nuke14").service.min_cores == 50


def test_a_deleted_service_is_gone(cuebot: Cuebot) -> None:
    """ManageService.delete goes by the id alone."""
    nuke = cuebot("ServiceInterface/GetService", name="nuke").service
    cuebot("ServiceInterface/Delete", service={"name": "nuke"})
    assert "nuke" in names(cuebot)
    cuebot("ServiceInterface/Delete", service={"id": nuke.id, "name": "maya"})
    assert "nuke" not in names(cuebot)
    assert "maya" in names(cuebot)


def test_a_missing_service_is_changed_and_deleted_without_an_error(cuebot: Cuebot) -> None:
    """ManageService.update and .delete do not look whether their SQL changed a row."""
    before = names(cuebot)
    cuebot("ServiceInterface/Update", service={"id": "nope", "name": "nuke"})
    cuebot("ServiceInterface/Delete", service={"id": "nope"})
    assert names(cuebot) == before


@pytest.mark.parametrize(
    ("name", "tags"), [("default", ["general", "desktop"]), ("shell", ["general", "util"])]
)
def test_cuebots_own_services_are_as_it_brings_them(
    cuebot: Cuebot, name: str, tags: list[str]
) -> None:
    """seed_data.sql: what a layer takes that says nothing else."""
    service = cuebot("ServiceInterface/GetService", name=name).service
    assert (service.min_cores, service.max_cores, service.threadable) == (100, 0, False)
    assert (service.min_memory, service.min_memory_increase) == (3_355_443, 2_097_152)
    assert list(service.tags) == tags
