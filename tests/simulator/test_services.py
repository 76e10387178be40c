"""Services and the overrides of shows."""

from typing import Any

import pytest

from tests.simulator.in_process import DUPLICATE, UNCAUGHT, Cuebot

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


def test_a_new_service_has_all_that_was_asked_for(cuebot: Cuebot) -> None:
    made = cuebot("ServiceInterface/CreateService", data={"id": "mine", **BLENDER}).service
    assert made.id not in ("", "mine")
    assert list(made.tags) == ["general", "gpuonly"]
    assert (made.threadable, made.min_cores, made.max_cores) == (True, 200, 800)
    assert (made.timeout, made.timeout_llu, made.min_memory_increase) == (90, 30, 1_048_576)
    assert cuebot("ServiceInterface/GetService", name="blender").service == made
    assert "blender" in names(cuebot)


def test_a_service_without_tags_has_an_empty_one(cuebot: Cuebot) -> None:
    assert list(cuebot("ServiceInterface/CreateService", data={"name": "bare"}).service.tags) == [
        ""
    ]


def test_two_services_cannot_have_one_name(cuebot: Cuebot) -> None:
    assert cuebot.refusal("ServiceInterface/CreateService", data={"name": "nuke"}) == DUPLICATE
    maya = cuebot("ServiceInterface/GetService", name="maya").service
    taken = {"id": maya.id, "name": "nuke"}
    assert cuebot.refusal("ServiceInterface/Update", service=taken) == DUPLICATE
    assert cuebot("ServiceInterface/GetService", name="maya").service == maya


def test_an_update_replaces_the_whole_service(cuebot: Cuebot) -> None:
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
    nuke = cuebot("ServiceInterface/GetService", name="nuke").service
    cuebot("ServiceInterface/Delete", service={"name": "nuke"})
    assert "nuke" in names(cuebot)
    cuebot("ServiceInterface/Delete", service={"id": nuke.id, "name": "maya"})
    assert "nuke" not in names(cuebot)
    assert "maya" in names(cuebot)


@pytest.mark.parametrize(
    ("name", "tags"), [("default", ["general", "desktop"]), ("shell", ["general", "util"])]
)
def test_cuebots_own_services_are_as_it_brings_them(
    cuebot: Cuebot, name: str, tags: list[str]
) -> None:
    service = cuebot("ServiceInterface/GetService", name=name).service
    assert (service.min_cores, service.max_cores, service.threadable) == (100, 0, False)
    assert (service.min_memory, service.min_memory_increase) == (3_355_443, 2_097_152)
    assert list(service.tags) == tags


def show(cuebot: Cuebot, name: str = "demo") -> dict[str, str]:
    return {"id": cuebot("ShowInterface/FindShow", name=name).show.id}


def create(cuebot: Cuebot, show_name: str = "demo", **values: Any) -> Any:
    service = {"name": "nuke", "min_cores": 300, "tags": ["general"], **values}
    made = cuebot(
        "ShowInterface/CreateServiceOverride", show=show(cuebot, show_name), service=service
    )
    return made.service_override


def overrides(cuebot: Cuebot, name: str = "demo") -> list[Any]:
    found = cuebot("ShowInterface/GetServiceOverrides", show=show(cuebot, name))
    return list(found.service_overrides.service_overrides)


def test_an_override_belongs_to_one_show(cuebot: Cuebot) -> None:
    made = create(cuebot)
    assert (made.data.id, made.data.name, made.data.min_cores) == (made.id, "nuke", 300)
    assert overrides(cuebot) == [made]
    assert overrides(cuebot, "harbor") == []
    assert cuebot("ServiceInterface/GetService", name="nuke").service.min_cores == 100


def test_an_override_is_found_by_name_or_id(cuebot: Cuebot) -> None:
    made = create(cuebot)
    for name in ("nuke", made.id):
        found = cuebot("ShowInterface/GetServiceOverride", show=show(cuebot), name=name)
        assert found.service_override == made
    missing = cuebot.refusal(
        "ShowInterface/GetServiceOverride", show=show(cuebot, "harbor"), name="nuke"
    )
    assert missing == ("INTERNAL", UNCAUGHT)


def test_a_new_override_has_no_timeouts(cuebot: Cuebot) -> None:
    made = create(cuebot, timeout=90, timeout_llu=30, min_memory_increase=7)
    assert (made.data.timeout, made.data.timeout_llu) == (0, 0)
    assert made.data.min_memory_increase == 7
    data = {"id": made.id, "name": "nuke", "timeout": 90, "timeout_llu": 30}
    cuebot("ServiceOverrideInterface/Update", service=data)
    assert (overrides(cuebot)[0].data.timeout, overrides(cuebot)[0].data.timeout_llu) == (90, 30)


def test_a_show_overrides_a_service_once(cuebot: Cuebot) -> None:
    create(cuebot)
    create(cuebot, "harbor")
    other = create(cuebot, name="maya")
    service = {"name": "nuke"}
    twice = cuebot.refusal(
        "ShowInterface/CreateServiceOverride", show=show(cuebot), service=service
    )
    assert twice == DUPLICATE
    taken = cuebot.refusal(
        "ServiceOverrideInterface/Update", service={"id": other.id, "name": "nuke"}
    )
    assert taken == DUPLICATE
    assert {each.data.name for each in overrides(cuebot)} == {"nuke", "maya"}


def test_an_update_replaces_the_whole_override(cuebot: Cuebot) -> None:
    made = create(cuebot, threadable=True)
    data = {"id": made.id, "name": "nuke", "min_memory": 5, "tags": []}
    cuebot("ServiceOverrideInterface/Update", service=data)
    (changed,) = overrides(cuebot)
    assert changed.id == changed.data.id == made.id
    assert (changed.data.min_memory, changed.data.min_cores) == (5, 0)
    assert changed.data.threadable is False
    assert list(changed.data.tags) == [""]


def test_a_deleted_override_is_gone(cuebot: Cuebot) -> None:
    made = create(cuebot)
    cuebot("ServiceOverrideInterface/Delete", service={"id": made.id})
    assert overrides(cuebot) == []
    assert create(cuebot).data.name == "nuke"
