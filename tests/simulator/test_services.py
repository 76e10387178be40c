"""Services and the overrides of shows."""

from typing import Any

from tests.simulator.in_process import Cuebot

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
