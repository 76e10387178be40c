"""The layers of the simulated Cuebot; tests/test_architecture.py has what it may know of others."""

import pytest

from docs.packages import SIMULATOR, import_graph

LAYERS = ("world", "services", "answers", "log_files", "server")
"""From the bottom up: the farm, what is said about it, a call without the wire, files, the wire."""


@pytest.mark.parametrize("place", range(len(LAYERS) - 1), ids=LAYERS[:-1])
def test_each_layer_knows_only_those_below_it(place: int) -> None:
    own, *above = (f"{SIMULATOR}.{layer}" for layer in LAYERS[place:])
    graph = import_graph(SIMULATOR)
    modules = [name for name in graph if name.startswith(own)]
    assert modules
    for name in modules:
        assert [each for each in graph[name] if each.startswith(tuple(above))] == [], name
