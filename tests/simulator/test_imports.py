"""What the simulated Cuebot may know of, and who may know of it."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ("gateway.schema", "gateway.discovery.files")
"""What the gateway and the simulator both need of a schema."""
ONLY_USER = "gateway_cli/demo.py"


def imports_of(file: Path) -> Iterator[str]:
    """The full names of what a file imports, wherever it does."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files_of(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


def test_it_knows_nothing_of_the_gateway_but_schemas() -> None:
    found = {
        name
        for file in files_of("cuebot_simulator")
        for name in imports_of(file)
        if name.startswith("gateway.") and not any(name.startswith(f"{each}.") for each in SHARED)
    }
    assert found == set()


def test_only_the_demo_knows_of_it() -> None:
    users = {
        str(file.relative_to(ROOT))
        for file in (*files_of("gateway"), *files_of("gateway_cli"))
        for name in imports_of(file)
        if name.startswith("cuebot_simulator")
    }
    assert users
    assert all(user.startswith(ONLY_USER) for user in users), users


def test_no_module_needs_itself() -> None:
    modules = {
        ".".join(file.relative_to(ROOT).with_suffix("").parts): file
        for file in files_of("cuebot_simulator")
    }
    graph = {
        module: {
            needed
            for name in imports_of(file)
            for needed in (name, name.rpartition(".")[0])
            if needed in modules
        }
        for module, file in modules.items()
    }
    TopologicalSorter(graph).prepare()


LAYERS = ("world", "services", "answers.py", "server.py")
"""From the bottom up: the farm, what is said about it, a call without the wire, the wire."""


@pytest.mark.parametrize("place", range(len(LAYERS)), ids=LAYERS)
def test_each_layer_knows_only_those_below_it(place: int) -> None:
    path = ROOT / "cuebot_simulator" / LAYERS[place]
    above = [f"cuebot_simulator.{layer.removesuffix('.py')}" for layer in LAYERS[place + 1 :]]
    for file in [path] if path.is_file() else path.rglob("*.py"):
        names = list(imports_of(file))
        assert [name for name in names if any(name.startswith(each) for each in above)] == [], file
