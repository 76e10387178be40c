"""docs/access-methods.md says what rules can ask of each method."""

from docs.rights import PAGE, page


def test_the_table_of_rights_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: make map"
