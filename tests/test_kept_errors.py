"""No exception is raised that something keeps, as it would keep that in turn: by its traceback, the
frames in that, and their variables. Only the garbage collector frees such a circle, and comes late.
"""

import ast
from collections.abc import Iterable, Iterator

import pytest

from docs.packages import GATEWAY, ROOT

KEEPING = ("append", "add", "put", "set_result", "setdefault")
Function = ast.FunctionDef | ast.AsyncFunctionDef


def kept_and_raised(source: str) -> list[str]:
    """What functions raise, or keep, although they should not, with the line."""
    return [
        f"{node.lineno}: {ast.unparse(node)}"
        for function in ast.walk(ast.parse(source))
        if isinstance(function, Function)
        for node in kept_in(function, frozenset(), frozenset())
    ]


def kept_in(node: ast.AST, caught: frozenset[str], released: frozenset[str]) -> Iterator[ast.stmt]:
    """`caught` are names of exceptions, which `except` deletes at its end; `released` are those
    that a `finally` deletes.
    """
    if isinstance(node, ast.Try):
        gone = {each.id for each in names_in(node.finalbody) if isinstance(each.ctx, ast.Del)}
        released |= gone
    if isinstance(node, ast.ExceptHandler) and node.name is not None:
        caught |= {node.name}
    is_raised = isinstance(node, ast.Raise) and any(
        is_kept(each, caught | released) for each in choices(node.exc)
    )
    if isinstance(node, ast.stmt) and (is_raised or caught.intersection(kept_names(node))):
        yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Function):
            yield from kept_in(child, caught, released)


def names_in(nodes: Iterable[ast.AST]) -> Iterator[ast.Name]:
    for node in nodes:
        yield from (each for each in ast.walk(node) if isinstance(each, ast.Name))


def choices(value: ast.expr | None) -> list[ast.expr]:
    """What `value` may be: `a`, or `b` in `a or b` and `a if x else b`."""
    if isinstance(value, ast.BoolOp):
        return value.values
    if isinstance(value, ast.IfExp):
        return [value.body, value.orelse]
    if isinstance(value, ast.Tuple | ast.List):
        return value.elts
    return [] if value is None else [value]


def is_kept(value: ast.expr, gone: frozenset[str]) -> bool:
    """Whether it is a variable or an attribute, and no class."""
    if isinstance(value, ast.Name):
        return value.id not in gone and not value.id[0].isupper()
    return isinstance(value, ast.Subscript) or (
        isinstance(value, ast.Attribute) and not value.attr[0].isupper()
    )


def kept_names(node: ast.stmt) -> Iterator[str]:
    """The names that a statement gives another name, or puts somewhere."""
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign | ast.Expr) else None
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
        values = value.args if value.func.attr in KEEPING else []
    else:
        values = [] if isinstance(node, ast.Expr) else choices(value)
    yield from (each.id for each in values if isinstance(each, ast.Name))


def test_no_kept_exception_is_raised() -> None:
    """Raise another like it (`error.again()`), or delete the variable in a `finally`."""
    found = {
        str(path.relative_to(ROOT)): kept_and_raised(path.read_text(encoding="utf-8"))
        for path in sorted((ROOT / GATEWAY).rglob("*.py"))
    }
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("body", "is_noticed"),
    [
        ("raise absent", True),
        ("raise self.failure", True),
        ("raise failures[0]", True),
        ("raise one or other() from None", True),
        ("try: f()\n  except E as error: absent = error", True),
        ("try: f()\n  except E as error: problem = problem or error", True),
        ("try: f()\n  except E as error: self.last = 1, error", True),
        ("try: f()\n  except E as error: failures.append(error)", True),
        ("raise absent.again()", False),
        ("raise Absent", False),
        ("raise errors.Absent", False),
        ("try: f()\n  except E as error: raise error from None", False),
        ("try: f()\n  except E as error: absent = error.again()", False),
        ("try: f()\n  except E as error: log(error)", False),
        ("try: raise found\n  finally: del found", False),
    ],
)
def test_what_would_keep_itself_is_noticed(body: str, is_noticed: bool) -> None:
    assert bool(kept_and_raised(f"def f():\n  {body}\n")) == is_noticed
