"""The code keeps the order of its packages, and docs/architecture.md shows it as it is."""

import re
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

import pytest

from docs.packages import (
    CLIENT,
    COMMANDS,
    GATEWAY,
    PACKAGES,
    PICTURE,
    ROOT,
    SHARED,
    SIMULATOR,
    Package,
    draw,
    import_graph,
    imported,
    modules,
    package_of,
    packages,
    rank,
)
from docs.rooms import SECTION, page
from gateway.feature import Feature
from gateway.features import FEATURES
from tests.support.needs import OF_ALL_FEATURES, needs

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
TESTS = ROOT / "tests"
ROOMS = {each.name for each in FEATURES}

WITH_THE_SIMULATOR = "gateway_cli.demo"
FOR_THE_SIMULATOR = ("gateway.core.schema", "gateway.core.discovery.files", "gateway.core.errors")
BARE_SLEEPS = {  # files with a `sleep(0)`, and why
    "long_work.py": "turns without work",
    "middleware.py": "the request is over",
}
TEST_FOLDERS = {
    *("benchmarks", "chaos", "clients", "conformance", "contract", "deploy", "fuzz", "release"),
    *("simulator", "support"),
}
"""Those in tests/ that are not packages of the gateway."""


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    return import_graph(COMMANDS, CLIENT, SHARED, GATEWAY, SIMULATOR)


ORDERED = {COMMANDS, CLIENT, SHARED, GATEWAY}


def upward(graph: dict[str, set[str]]) -> dict[str, str]:
    """Modules that import from packages above their own, with what they import."""
    found: dict[str, str] = {}
    for module, targets in graph.items():
        own = package_of(module)
        above = [
            each.removeprefix(f"{GATEWAY}.")
            for each in sorted(targets)
            if own is not None
            and {module.partition(".")[0], each.partition(".")[0]} <= ORDERED
            and (package := package_of(each)) is not None
            and rank(package) < rank(own)
        ]
        if above:
            found[module.removeprefix(f"{GATEWAY}.")] = " ".join(above)
    return found


@OF_ALL_FEATURES
def test_every_room_has_its_place() -> None:
    assert [package.name for package in packages()] == list(PACKAGES)


def test_imports_lead_down(graph: dict[str, set[str]]) -> None:
    assert upward(graph) == {}


def test_an_import_that_leads_up_is_noticed() -> None:
    """One that leads down, or stays in its package, is fine."""
    some = {
        "gateway.core.codec.encode": {
            "gateway.core.codec.slices",
            "gateway.core.pipeline.body",
            "gateway.core.errors",
        }
    }
    assert upward(some) == {"core.codec.encode": "core.pipeline.body"}


def test_no_import_circles(graph: dict[str, set[str]]) -> None:
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


@pytest.mark.parametrize(("package", "knows"), [(CLIENT, {CLIENT, SHARED}), (SHARED, {SHARED})])
def test_the_client_knows_nothing_of_the_gateway(
    graph: dict[str, set[str]], package: str, knows: set[str]
) -> None:
    inside = f"{package}."
    known = {each for name, known in graph.items() if name.startswith(inside) for each in known}
    assert {each.partition(".")[0] for each in known} == knows


def test_the_core_knows_no_feature(graph: dict[str, set[str]]) -> None:
    inside = (name for name in graph if name.startswith(f"{GATEWAY}.core."))
    known = {name: {each for each in graph[name] if is_of_features(each)} for name in inside}
    assert {name: found for name, found in known.items() if found} == {}


def test_commands_know_no_room(graph: dict[str, set[str]]) -> None:
    """What they need of features comes through `FEATURES`."""
    inside = (name for name in graph if name.partition(".")[0] == COMMANDS)
    known = {name: sorted(filter(room_of, graph[name])) for name in inside}
    assert {name: found for name, found in known.items() if found} == {}


def is_of_features(module: str) -> bool:
    return module.startswith((f"{GATEWAY}.features", f"{GATEWAY}.feature"))


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_a_feature_knows_what_it_needs(graph: dict[str, set[str]], feature: type[Feature]) -> None:
    """Besides the core, and what those need that it needs."""
    assert feature.__module__ == f"{GATEWAY}.features.{feature.name}.feature"
    assert feature.__name__ == feature.name.title().replace("_", "")
    targets = (
        each for name, known in graph.items() if room_of(name) == feature.name for each in known
    )
    known = {room for each in targets if (room := room_of(each)) is not None}
    assert known - {feature.name} - {each.name for each in all_needed(feature)} == set()


def room_of(module: str) -> str | None:
    """The folder of gateway/features/ that a module is in."""
    inside = module.removeprefix(f"{GATEWAY}.features")
    if inside == module:
        return None
    room = inside.split(".")[1] if inside else ""
    return room if room in ROOMS else None


def all_needed(feature: type[Feature]) -> set[type[Feature]]:
    return {each for need in feature.needs for each in (need, *all_needed(need))}


@needs("http2")
def test_http2_does_without_grpc() -> None:
    files = [*(ROOT / GATEWAY / "core" / "upstream" / "http2").rglob("*.py")]
    assert files
    assert [file.name for file in files for name in imported(file) if is_grpc(name)] == []


def is_grpc(name: str) -> bool:
    return name.partition(".")[0] in ("grpc", "grpc_status", "grpc_reflection")


def of_the_simulator(name: str) -> bool:
    return name.startswith(SIMULATOR)


def test_the_gateway_does_not_know_the_simulator(graph: dict[str, set[str]]) -> None:
    others = {each: known for each, known in graph.items() if not each.startswith(SIMULATOR)}
    knowing = [each for each, known in others.items() if any(map(of_the_simulator, known))]
    assert [each for each in knowing if not each.startswith(WITH_THE_SIMULATOR)] == []


def test_the_simulator_knows_only_what_a_schema_is(graph: dict[str, set[str]]) -> None:
    targets = (known for module, known in graph.items() if module.startswith(SIMULATOR))
    known = {each for some in targets for each in some if each.startswith(f"{GATEWAY}.")}
    assert [each for each in sorted(known) if not each.startswith(FOR_THE_SIMULATOR)] == []


def test_long_work_lets_others_be_answered() -> None:
    """Between pieces it awaits `let_others_run`: a bare `sleep(0)` would leave answers unsent."""
    files = modules(GATEWAY).values()
    found = {file.name for file in files if "sleep(0)" in file.read_text(encoding="utf-8")}
    assert found == set(BARE_SLEEPS)


def test_tests_have_the_same_rooms() -> None:
    """A folder in tests/ is called as the package that it tests."""
    inits = [*TESTS.glob("*/__init__.py"), *TESTS.glob("*/*/__init__.py")]
    folders = {file.parent.relative_to(TESTS).as_posix() for file in inits}
    outside = {each for each in folders if each.partition("/")[0] in TEST_FOLDERS}
    rooms = {f"features/{room}" for room in ROOMS}
    assert folders - outside - {"core"} <= {*PACKAGES, *rooms}


@OF_ALL_FEATURES
def test_the_picture_is_up_to_date() -> None:
    """Its packages, sentences and arrows are the code's; its sizes may be off by a tenth."""
    drawn = PICTURE.read_text(encoding="utf-8")
    sizes = dict(sizes_in(drawn))
    now = packages()
    assert draw([resized(package, sizes) for package in now]) == drawn, "run: make map"
    for package in now:
        tolerance = max(50, package.lines / 10)
        assert abs(sizes[package.label] - package.lines) <= tolerance, "run: make map"


def sizes_in(picture: str) -> list[tuple[str, int]]:
    rows = re.findall(r'class="name">([^<]+)<.*?>([\d,]+) lines<', picture, re.DOTALL)
    return [(label, int(lines.replace(",", ""))) for label, lines in rows]


def resized(package: Package, sizes: dict[str, int]) -> Package:
    return replace(package, lines=sizes.get(package.label, 0))


@OF_ALL_FEATURES
def test_the_table_of_features_is_up_to_date() -> None:
    """Their order, sentences and needs are the code's; their lines may be off by a tenth."""
    now = features_of_page(page(PAGE))
    shown = features_of_page(PAGE)
    assert [row[:-1] for row in shown] == [row[:-1] for row in now], "run: make map"
    assert len(now) == len(FEATURES)
    for (name, *_, lines), (*_, before) in zip(now, shown, strict=True):
        assert abs(int(lines) - int(before)) <= max(50, int(lines) / 10), (name, "run: make map")


def features_of_page(text: str) -> list[list[str]]:
    found = SECTION.search(text)
    assert found is not None
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in found[0].splitlines()]


@OF_ALL_FEATURES
def test_the_page_names_real_files() -> None:
    paths = {*re.findall(r"`([\w./-]+/[\w./-]*|\w+\.py)`", PAGE)}
    assert len(paths) > 60
    assert {path for path in paths if not is_file_of_ours(path)} == set()


def is_file_of_ours(path: str) -> bool:
    return any((ROOT / base / path).exists() for base in ("", GATEWAY, f"{GATEWAY}/core"))
