"""The body of a request: its JSON, and the places in it that errors name."""

import re
from typing import Any

import orjson

from gateway.core.errors import Code, GatewayError
from gateway.core.suggestions import QUOTED_CHARS

Json = dict[str, Any]
Path = tuple["Path | None", str | int | None, int]
"""A place in a body: the path of its parent, its name or index, and how many messages deep it is.

A linked list, so that walking down costs one tuple and the text is made only for an error.
"""
ROOT: Path = (None, None, 0)
MAX_DEPTH = 100
"""How deep messages may be nested: protobuf's limit, which it enforces only when parsing."""
SINGLE_QUOTES = re.compile(rb"\s*[{\[]\s*'")
UTF8_BOM = b"\xef\xbb\xbf"
MOST_CONTAINERS = 100_000
"""Objects and lists in a body. Parsing more would block the event loop."""


class NotJson(GatewayError):
    """The 400 for a body that is no JSON."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.INVALID_ARGUMENT, message)


def child(path: Path, segment: str | int | None, levels: int = 0) -> Path:
    """The path of a member or list item, `levels` messages deeper.

    Raises GatewayError beyond MAX_DEPTH.
    """
    depth = path[2] + levels
    if depth >= MAX_DEPTH:
        raise mismatch_at(path, f"nested more than {MAX_DEPTH} levels deep")
    return (path, segment, depth)


def text(path: Path) -> str:
    """`r.shows[2]`, and an empty string for the body itself."""
    segments: list[str] = []
    at: Path | None = path
    while at is not None:
        segment = at[1]
        if isinstance(segment, int):
            segments.append(f"[{segment}]")
        elif segment is not None:
            segments.append(f".{segment[:QUOTED_CHARS]}")
        at = at[0]
    return "".join(reversed(segments)).removeprefix(".")


def mismatch_at(path: Path, problem: str) -> GatewayError:
    """The 400 for a problem at a place: `r.shows[2]: expected a string, …`."""
    return GatewayError(Code.INVALID_ARGUMENT, f"{text(path) or 'the body'}: {problem}")


def parse(body: bytes) -> object:
    """The JSON value of a body (RFC 8259), `{}` for an empty one.

    Raises NotJson with line and column, and GatewayError.
    """
    body = body.removeprefix(UTF8_BOM)
    if len(body) > MOST_CONTAINERS and body.count(b"{") + body.count(b"[") > MOST_CONTAINERS:
        raise mismatch_at(ROOT, f"more than {MOST_CONTAINERS} objects and lists")
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not body or body.isspace():
            return {}
        hint = "; JSON has double quotes" if SINGLE_QUOTES.match(body) else ""
        if body.lstrip().startswith(b"<"):
            hint = "; it looks like XML or HTML, and JSON is expected"
        raise NotJson(f"the body: not valid JSON: {error}{hint}") from None
