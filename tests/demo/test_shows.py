"""show.ShowInterface."""

from tests.demo.desk import NOTHING_FOUND, Desk


def test_a_show_is_found_by_its_name(desk: Desk) -> None:
    """ManageShow.findShow catches Spring's exception: an unknown name is NOT_FOUND."""
    assert desk("ShowInterface/FindShow", name="demo").show.name == "demo"
    assert desk.refusal("ShowInterface/FindShow", name="nope") == ("NOT_FOUND", NOTHING_FOUND)
