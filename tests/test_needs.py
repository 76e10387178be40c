"""Tests say which features they need, and go with them."""

import pytest

from gateway.features import FEATURES
from tests.support.needs import needed_by, reason


@pytest.mark.parametrize(
    ("source", "needed"),
    [
        ('pytestmark = needs("batch")', ["batch"]),
        ('pytestmark = [pytest.mark.slow, needs("batch", "views")]', ["batch", "views"]),
        ('@needs("batch")\ndef test_one() -> None: ...', []),  # the others need none
        ("pytestmark = pytest.mark.slow", []),
        ("not python, and not asked", []),
    ],
)
def test_a_file_says_what_all_its_tests_need(source: str, needed: list[str]) -> None:
    assert needed_by(source) == needed


def test_what_is_there_is_no_reason_to_skip() -> None:
    assert reason(each.name for each in FEATURES) is None


def test_the_reason_names_what_is_not_there() -> None:
    assert reason([FEATURES[0].name, "teleport", "time_travel"]) == "needs teleport, time_travel"
