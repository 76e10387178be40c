"""docs/access-methods.md says what rules can ask of each method."""

from docs.rights import PAGE, page
from tests.support.needs import OF_ALL_FEATURES

pytestmark = OF_ALL_FEATURES


def test_the_table_of_rights_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: make map"
