"""service.ServiceOverrideInterface, and the methods of show.ShowInterface for overrides."""

from typing import Any

from tests.simulator.in_process import UNCAUGHT, Cuebot


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
    """ManageShow.createServiceOverride stores the service for that show; its id is in both."""
    made = create(cuebot)
    assert (made.data.id, made.data.name, made.data.min_cores) == (made.id, "nuke", 300)
    assert overrides(cuebot) == [made]
    assert overrides(cuebot, "harbor") == []
    assert cuebot("ServiceInterface/GetService", name="nuke").service.min_cores == 100


def test_an_override_is_found_by_name_or_id(cuebot: Cuebot) -> None:
    """ManageShow.getServiceOverride looks for either, in that show, and catches nothing."""
    made = create(cuebot)
    for name in ("nuke", made.id):
        found = cuebot("ShowInterface/GetServiceOverride", show=show(cuebot), name=name)
        assert found.service_override == made
    missing = cuebot.refusal(
        "ShowInterface/GetServiceOverride", show=show(cuebot, "harbor"), name="nuke"
    )
    assert missing == ("INTERNAL", UNCAUGHT)


def test_a_new_override_has_no_timeouts(cuebot: Cuebot) -> None:
    """ManageShow.createServiceOverride does not take the timeouts along; an update does."""
    made = create(cuebot, timeout=90, timeout_llu=30, min_memory_increase=7)
    assert (made.data.timeout, made.data.timeout_llu) == (0, 0)
    assert made.data.min_memory_increase == 7
    data = {"id": made.id, "name": "nuke", "timeout": 90, "timeout_llu": 30}
    cuebot("ServiceOverrideInterface/Update", service=data)
    assert (overrides(cuebot)[0].data.timeout, overrides(cuebot)[0].data.timeout_llu) == (90, 30)


def test_a_show_overrides_a_service_once(cuebot: Cuebot) -> None:
    """The table has a unique index on name and show, which an update can violate, too."""
    create(cuebot)
    create(cuebot, "harbor")
    other = create(cuebot, name="maya")
    service = {"name": "nuke"}
    code, text = cuebot.refusal(
        "ShowInterface/CreateServiceOverride", show=show(cuebot), service=service
    )
    assert code == "INTERNAL"
    assert text.startswith("org.springframework.dao.DuplicateKeyException: ")
    assert '"i_show_service_str_name"' in text
    taken = cuebot.refusal(
        "ServiceOverrideInterface/Update", service={"id": other.id, "name": "nuke"}
    )
    assert '"i_show_service_str_name"' in taken[1]
    assert {each.data.name for each in overrides(cuebot)} == {"nuke", "maya"}


def test_an_update_replaces_the_whole_override(cuebot: Cuebot) -> None:
    """ManageServiceOverride.update goes by the service's id, and writes every column."""
    made = create(cuebot, threadable=True)
    data = {"id": made.id, "name": "nuke", "min_memory": 5, "tags": []}
    cuebot("ServiceOverrideInterface/Update", service=data)
    (changed,) = overrides(cuebot)
    assert changed.id == changed.data.id == made.id
    assert (changed.data.min_memory, changed.data.min_cores) == (5, 0)
    assert changed.data.threadable is False
    assert list(changed.data.tags) == [""]


def test_a_deleted_override_is_gone(cuebot: Cuebot) -> None:
    """ManageServiceOverride.delete goes by the service's id."""
    made = create(cuebot)
    cuebot("ServiceOverrideInterface/Delete", service={"id": made.id})
    assert overrides(cuebot) == []
    assert create(cuebot).data.name == "nuke"


def test_a_missing_override_is_changed_and_deleted_without_an_error(cuebot: Cuebot) -> None:
    """ManageServiceOverride does not look whether its SQL changed a row."""
    made = create(cuebot)
    cuebot("ServiceOverrideInterface/Update", service={"id": "nope", "name": "nuke"})
    cuebot("ServiceOverrideInterface/Delete", service={"id": "nope"})
    assert overrides(cuebot) == [made]


def test_the_show_of_an_override_must_exist(cuebot: Cuebot) -> None:
    """ManageShow looks for the show first, and leaves what is not there to the interceptor."""
    nobody = {"id": "nope"}
    for method in ("CreateServiceOverride", "GetServiceOverride", "GetServiceOverrides"):
        assert cuebot.refusal(f"ShowInterface/{method}", show=nobody) == ("INTERNAL", UNCAUGHT)
