"""docs/operations.md has a place for whatever wakes somebody: alerts, and warnings in the log."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.support.needs import OF_ALL_FEATURES

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
LINES = PAGE.partition("\n## Log lines\n")[2].partition("\n## Upgrading\n")[0]
ALERTS = yaml.safe_load((ROOT / "config/deploy/alerts.yaml").read_text(encoding="utf-8"))
NAMES = [rule["alert"] for rule in ALERTS["groups"][0]["rules"]]
LOUD = ("warning", "error", "exception", "critical")

MADE_BY = {
    "load_secrets": ("weaknesses",),
    "warn_of_tokens": ("unbound", "readable_by_all"),
    "_read_rules": ("by_any_signer",),
    "attempt": ("note_failure",),
    "warn_seldom": ("warn_seldom",),
    "serve": ("misspelled", "retired"),
    "app_from_environment": ("misspelled", "retired"),
}
"""Functions whose loud lines have a message from elsewhere, and the functions that make it, or
that are given it."""


@cache
def files() -> dict[str, ast.Module]:
    return {
        path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8"))
        for house in ("gateway", "gateway_cli")
        for path in sorted((ROOT / house).rglob("*.py"))
    }


@cache
def functions() -> dict[str, list[ast.FunctionDef | ast.AsyncFunctionDef]]:
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    trees = files().items()
    return {file: [x for x in ast.walk(tree) if isinstance(x, kinds)] for file, tree in trees}


@cache
def constants() -> dict[str, str]:
    """The texts of the modules' constants, by name."""
    nodes = (node for tree in files().values() for node in tree.body)
    return {
        target.id: node.value.value
        for node in nodes
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name) and target.id.isupper()
    }


def is_loud(node: ast.AST) -> bool:
    """Whether this is `log.warning` or louder, called or handed on."""
    return (
        isinstance(node, ast.Attribute)
        and node.attr in LOUD
        and isinstance(node.value, ast.Name)
        and node.value.id in ("log", "logger")
    )


def text_of(node: ast.AST) -> str:
    """A text with `…` for what is filled in; empty if nothing but that is written there."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name | ast.Attribute):
        return constants().get(node.id if isinstance(node, ast.Name) else node.attr, "")
    if isinstance(node, ast.JoinedStr):
        text = "".join(text_of(part) or "…" for part in node.values)
        return text if text.strip("…") else ""
    return ""


def messages_of(function: ast.AST) -> tuple[set[str], bool]:
    """The messages of its loud lines, and whether there are others, which something else makes."""
    nodes = list(ast.walk(function))
    loud = [node for node in nodes if isinstance(node, ast.Call) and is_loud(node.func)]
    texts = {text_of(call.args[0]) for call in loud}
    handed_on = sum(map(is_loud, nodes)) > len(loud)
    return texts - {""}, handed_on or "" in texts


def given_to(name: str) -> set[str]:
    nodes = (node for tree in files().values() for node in ast.walk(tree))
    calls = (node for node in nodes if isinstance(node, ast.Call) and node.args)
    methods = (call for call in calls if isinstance(call.func, ast.Attribute))
    return {text_of(call.args[0]) for call in methods if getattr(call.func, "attr", "") == name}


def made_by(name: str) -> set[str]:
    found = (each for known in functions().values() for each in known if each.name == name)
    nodes = (node for function in found for node in ast.walk(function))
    return {text_of(node.elt) for node in nodes if isinstance(node, ast.ListComp)}


@cache
def messages() -> dict[str, str]:
    """All messages that the gateway may write as a warning or louder, and the files they are in."""
    found: dict[str, str] = {}
    for file, tree in files().items():
        if not any(map(is_loud, ast.walk(tree))):
            continue
        for function in functions()[file]:
            texts, others = messages_of(function)
            assert function.name in MADE_BY or not others, (
                f"{function.name} ({file}) logs what is written elsewhere: MADE_BY has to say where"
            )
            for name in MADE_BY[function.name] if others else ():
                texts |= (given_to(name) | made_by(name)) - {""}
            found |= dict.fromkeys(texts, file)
    return found


def test_every_loud_line_is_explained() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| [^|]+ \| [^|]+ \|$", LINES, re.MULTILINE)
    missing = {message: file for message, file in messages().items() if message not in rows}
    assert missing == {}


@OF_ALL_FEATURES
def test_explained_lines_exist() -> None:
    rows = re.findall(r"^\| `([^`]+)` \|", LINES, re.MULTILINE)
    assert len(rows) > 40
    assert set(rows) <= messages().keys()


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_has_its_place(name: str) -> None:
    """Its runbook_url leads to a section that says what it means, what to look at, what to do."""
    _, _, section = PAGE.partition(f"\n### {name}\n")
    for word in ("means", "look at", "do"):
        assert f"\n- **{word.capitalize()}:** " in section.partition("\n##")[0]


def test_alerts_and_sections_are_in_the_same_order() -> None:
    assert re.findall(r"^### (CuebotGateway\w+)$", PAGE, re.MULTILINE) == NAMES
