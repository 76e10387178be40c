"""Tests that need features say so, and go with them: see `make without`."""

import ast
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from gateway.features import FEATURES

ENGINES = {"server": "gateway.server", "http2": "gateway.core.upstream.http2"}
"""What can be taken out as features can, though it is none: uvicorn and grpcio do without."""


def needs(*features: str) -> pytest.MarkDecorator:
    """For a test, or as the `pytestmark` of a file, which may import them: without them it is not
    imported.
    """
    return pytest.mark.needs(*features)


def missing(features: Iterable[str]) -> list[str]:
    """Those that this gateway does not have."""
    there = {each.name for each in FEATURES}
    there |= {name for name, package in ENGINES.items() if find_spec(package) is not None}
    return [each for each in features if each not in there]


def reason(features: Iterable[str]) -> str | None:
    """Why a test that needs these features is skipped; None if it is not."""
    found = missing(features)
    return f"needs {', '.join(found)}" if found else None


def needed_by(source: str) -> list[str]:
    """What the `pytestmark` of a module needs, without importing it."""
    if "needs(" not in source:
        return []
    values = (
        node.value
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and "pytestmark" in map(ast.unparse, node.targets)
    )
    return [name for value in values for name in named_in(value)]


def named_in(tree: ast.AST) -> Iterator[str]:
    """The arguments of all calls of `needs`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "needs":
            yield from (str(ast.literal_eval(each)) for each in node.args)


class SkippedModule(pytest.Module):
    """A file of tests that is not imported, and says why."""

    why = ""

    def collect(self) -> list[pytest.Item | pytest.Collector]:
        pytest.skip(f"{self.path.name} {self.why}", allow_module_level=True)


def skipped(file: Path, parent: pytest.Collector) -> SkippedModule | None:
    why = reason(needed_by(file.read_text(encoding="utf-8")))
    if why is None:
        return None
    module: SkippedModule = SkippedModule.from_parent(parent, path=file)
    module.why = why
    return module
