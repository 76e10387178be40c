"""What `make without` removes from a copy of the checkout."""

import re
from pathlib import Path
from typing import ClassVar

import pytest

from gateway.feature import Feature
from gateway.features import FEATURES, extensions_of
from gateway.features.settings import Settings
from release.without import (
    ENGINES,
    LIST,
    ROOT,
    SETTINGS,
    Red,
    gone_with,
    in_turn,
    listening,
    removable,
    without_lines,
    without_section,
    without_tests,
)


class Ground(Feature):
    name: ClassVar[str] = "ground"


class Wall(Feature):
    name: ClassVar[str] = "wall"
    needs: ClassVar[tuple[type[Feature], ...]] = (Ground,)


class Roof(Feature):
    name: ClassVar[str] = "roof"
    needs: ClassVar[tuple[type[Feature], ...]] = (Wall,)


class Garden(Feature):
    name: ClassVar[str] = "garden"


HOUSE = (Roof, Wall, Garden, Ground)


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        ("roof", ["roof"]),
        ("wall", ["roof", "wall"]),
        ("ground", ["roof", "wall", "ground"]),
        ("garden", ["garden"]),
        ("server", []),
    ],
)
def test_what_needs_it_goes_with_it(name: str, gone: list[str]) -> None:
    assert gone_with(name, HOUSE) == gone


def test_everything_can_be_removed_and_has_its_turn() -> None:
    names = removable(HOUSE)
    assert names == ["garden", "ground", "http2", "roof", "server", "wall"]
    assert {in_turn(names, commits) for commits in range(100, 106)} == set(names)
    for path in (path for paths in ENGINES.values() for path in paths[:1]):
        assert (ROOT / path).is_dir()


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_feature_has_two_lines_in_the_list(feature: type[Feature]) -> None:
    source = Path(ROOT, LIST).read_text(encoding="utf-8")
    rest = without_lines(source, feature)
    assert len(source.splitlines()) - len(rest.splitlines()) == 2
    compile(rest, LIST, "exec")


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_its_settings_have_a_section_of_their_own(feature: type[Feature]) -> None:
    """In the file of all settings; those of the others stay."""
    source = (ROOT / SETTINGS).read_text("utf-8")
    section = feature.section(extensions_of(feature))
    gone = named(source) - named(without_section(source, feature.name))
    assert gone == (set() if section is None else set(section.model_fields) - {"traces_ratio"})


def named(settings: str) -> set[str]:
    """All that a file of settings has, also in comments."""
    names = re.findall(r"^(?:# )?([a-z_]+) = |^\[\[(\w+)\]\]", settings, re.MULTILINE)
    return {one or other for one, other in names} & Settings.model_fields.keys()


def test_a_feature_that_is_not_in_the_list_is_told() -> None:
    with pytest.raises(Red, match="has 0 lines of garden"):
        without_lines("FEATURES = ()\n", Garden)


TESTS = """\
import roofs

@pytest.mark.slow
@needs("garden", "roof")
def test_rain() -> None:
    assert roofs

class Stories:
    @needs("wall")
    async def test_doors(self) -> None: ...

    def test_floors(self) -> None: ...
"""


def test_tests_that_need_it_go_with_it() -> None:
    without_roof = TESTS.replace(TESTS[TESTS.index("@pytest") : TESTS.index("\nclass")], "")
    assert without_tests(TESTS, ["roof"]) == without_roof
    assert "test_doors" not in without_tests(TESTS, ["wall", "roof"])
    assert without_tests(TESTS, ["shed"]) == TESTS


def test_a_gateway_that_listens_says_where() -> None:
    line = '{"event": "listening", "url": "http://127.0.0.1:4711"}'
    assert listening(line) == "http://127.0.0.1:4711"
    assert listening('{"event": "stopped"}') is None
    assert listening("Traceback (most recent call last):") is None
