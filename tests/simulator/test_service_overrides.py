"""service.ServiceOverrideInterface, and the methods of show.ShowInterface for overrides."""

from typing import Any

from tests.simulator.desk import UNCAUGHT, Desk


def show(desk: Desk, name: str = "demo") -> dict[str, str]:
    return {"id": desk("ShowInterface/FindShow", name=name).show.id}


def create(desk: Desk, show_name: str = "demo", **values: Any) -> Any:
    service = {"name": "nuke", "min_cores": 300, "tags": ["general"], **values}
    made = desk("ShowInterface/CreateServiceOverride", show=show(desk, show_name), service=service)
    return made.service_override


def overrides(desk: Desk, name: str = "demo") -> list[Any]:
    found = desk("ShowInterface/GetServiceOverrides", show=show(desk, name))
    return list(found.service_overrides.service_overrides)


def test_an_override_belongs_to_one_show(desk: Desk) -> None:
    """ManageShow.createServiceOverride stores the service for that show; its id is in both."""
    made = create(desk)
    assert (made.data.id, made.data.name, made.data.min_cores) == (made.id, "nuke", 300)
    assert overrides(desk) == [made]
    assert overrides(desk, "harbor") == []
    assert desk("ServiceInterface/GetService", name="nuke").service.min_cores == 100


def test_an_override_is_found_by_name_or_id(desk: Desk) -> None:
    """ManageShow.getServiceOverride looks for either, in that show, and catches nothing."""
    made = create(desk)
    for name in ("nuke", made.id):
        found = desk("ShowInterface/GetServiceOverride", show=show(desk), name=name)
        assert found.service_override == made
    missing = desk.refusal(
        "ShowInterface/GetServiceOverride", show=show(desk, "harbor"), name="nuke"
    )
    assert missing == ("INTERNAL", UNCAUGHT)


def test_a_new_override_has_no_timeouts(desk: Desk) -> None:
    """ManageShow.createServiceOverride does not take the timeouts along; an update does."""
    made = create(desk, timeout=90, timeout_llu=30, min_memory_increase=7)
    assert (made.data.timeout, made.data.timeout_llu) == (0, 0)
    assert made.data.min_memory_increase == 7
    data = {"id": made.id, "name": "nuke", "timeout": 90, "timeout_llu": 30}
    desk("ServiceOverrideInterface/Update", service=data)
    assert (overrides(desk)[0].data.timeout, overrides(desk)[0].data.timeout_llu) == (90, 30)


def test_a_show_overrides_a_service_once(desk: Desk) -> None:
    """The table has a unique index on name and show, which an update can violate, too."""
    create(desk)
    create(desk, "harbor")
    other = create(desk, name="maya")
    service = {"name": "nuke"}
    code, text = desk.refusal(
        "ShowInterface/CreateServiceOverride", show=show(desk), service=service
    )
    assert code == "INTERNAL"
    assert text.startswith("org.springframework.dao.DuplicateKeyException: ")
    assert '"i_show_service_str_name"' in text
    taken = desk.refusal(
        "ServiceOverrideInterface/Update", service={"id": other.id, "name": "nuke"}
    )
    assert '"i_show_service_str_name"' in taken[1]
    assert {each.data.name for each in overrides(desk)} == {"nuke", "maya"}


def test_an_update_replaces_the_whole_override(desk: Desk) -> None:
    """ManageServiceOverride.update goes by the service's id, and writes every column."""
    made = create(desk, threadable=True)
    data = {"id": made.id, "name": "nuke", "min_memory": 5, "tags": []}
    desk("ServiceOverrideInterface/Update", service=data)
    (changed,) = overrides(desk)
    assert changed.id == changed.data.id == made.id
    assert (changed.data.min_memory, changed.data.min_cores) == (5, 0)
    assert changed.data.threadable is False
    assert list(changed.data.tags) == [""]


def test_a_deleted_override_is_gone(desk: Desk) -> None:
    """ManageServiceOverride.delete goes by the service's id."""
    made = create(desk)
    desk("ServiceOverrideInterface/Delete", service={"id": made.id})
    assert overrides(desk) == []
    assert create(desk).data.name == "nuke"


def test_a_missing_override_is_changed_and_deleted_without_an_error(desk: Desk) -> None:
    """ManageServiceOverride does not look whether its SQL changed a row."""
    made = create(desk)
    desk("ServiceOverrideInterface/Update", service={"id": "nope", "name": "nuke"})
    desk("ServiceOverrideInterface/Delete", service={"id": "nope"})
    assert overrides(desk) == [made]


def test_the_show_of_an_override_must_exist(desk: Desk) -> None:
    """ManageShow looks for the show first, and leaves what is not there to the interceptor."""
    nobody = {"id": "nope"}
    for method in ("CreateServiceOverride", "GetServiceOverride", "GetServiceOverrides"):
        assert desk.refusal(f"ShowInterface/{method}", show=nobody) == ("INTERNAL", UNCAUGHT)
