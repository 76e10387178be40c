"""docs/operations.md has a place for whatever wakes somebody: alerts, and warnings in the log."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ALERTS = yaml.safe_load((ROOT / "config/deploy/alerts.yaml").read_text(encoding="utf-8"))
NAMES = [rule["alert"] for rule in ALERTS["groups"][0]["rules"]]
LOUD = ("warning", "error", "exception", "critical")

MADE_BY = {
    ("gateway/access/keys.py", "load_secrets"): [("gateway/access/keys.py", "weaknesses")],
    ("gateway/app.py", "warn_of_tokens"): [
        ("gateway/access/provider.py", "unbound"),
        ("gateway/settings/key_files.py", "readable_by_all"),
    ],
    ("gateway/discovery/refresh.py", "attempt"): [("gateway/discovery/refresh.py", "_fail")],
    ("gateway/server/connection_limit.py", "_warn"): [
        ("gateway/server/connection_limit.py", "_warn")
    ],
    ("gateway_cli/commands/serve.py", "serve"): [("gateway/settings/loading.py", "misspelled")],
}
"""Where a line's message is not written down beside its level, the functions that make it."""


def parsed(file: str) -> ast.Module:
    return ast.parse((ROOT / file).read_text(encoding="utf-8"))


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


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
    if isinstance(node, ast.JoinedStr):
        text = "".join(text_of(part) or "…" for part in node.values)
        return text if text.strip("…") else ""
    return ""


def messages_of(function: ast.AST) -> tuple[set[str], bool]:
    """The messages of its loud lines, and whether there are others, which something else makes."""
    calls = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    loud = [call for call in calls if is_loud(call.func)]
    texts = {text_of(call.args[0]) for call in loud}
    handed_on = sum(map(is_loud, ast.walk(function))) > len(loud)
    return texts - {""}, handed_on or "" in texts


def made_by(file: str, name: str) -> set[str]:
    """The texts that a function lists, and those that it is called with."""
    tree = parsed(file)
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found |= {text_of(node.args[0])} if node.func.attr == name else set()
    for function in functions(tree):
        if function.name == name:
            lists = (node for node in ast.walk(function) if isinstance(node, ast.ListComp))
            found |= {text_of(node.elt) for node in lists}
    return found - {""}


def messages() -> dict[str, str]:
    """All messages that the gateway may write as a warning or louder, and the files they are in."""
    found = {}
    for house in ("gateway", "gateway_cli"):
        for path in sorted((ROOT / house).rglob("*.py")):
            file = path.relative_to(ROOT).as_posix()
            for function in functions(parsed(file)):
                texts, others = messages_of(function)
                for place in MADE_BY[file, function.name] if others else ():
                    texts |= made_by(*place)
                found |= dict.fromkeys(texts, file)
    return found


MESSAGES = messages()


@pytest.mark.parametrize("message", sorted(MESSAGES))
def test_every_loud_line_is_explained(message: str) -> None:
    """Each has a row that begins with it."""
    rows = re.findall(r"^\| `([^`]+)` \| [^|]+ \| [^|]+ \|$", PAGE, re.MULTILINE)
    assert message in rows, f"{MESSAGES[message]} logs {message!r}; docs/operations.md does not"


def test_explained_lines_exist() -> None:
    """No row is about a line that no version of this code writes."""
    rows = re.findall(r"^\| `([^`]+)` \|", PAGE.partition("## Log lines")[2], re.MULTILINE)
    assert len(rows) > 40
    assert set(rows) <= MESSAGES.keys()


@pytest.mark.parametrize("name", NAMES)
def test_every_alert_has_its_place(name: str) -> None:
    """Its runbook_url leads to a section that says what it means, what to look at, what to do."""
    _, _, section = PAGE.partition(f"\n### {name}\n")
    for word in ("means", "look at", "do"):
        assert f"\n- **{word.capitalize()}:** " in section.partition("\n##")[0]


def test_alerts_and_sections_are_in_the_same_order() -> None:
    """Whoever reads one after the other misses none, and no section is about nothing."""
    assert re.findall(r"^### (CuebotGateway\w+)$", PAGE, re.MULTILINE) == NAMES
