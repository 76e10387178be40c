"""Paths of fields (`jobStats.deadFrames`) in rows of JSON, and lists of them."""

from collections.abc import Mapping
from typing import Any


def value_at(row: Any, path: str) -> Any:
    """The value of a field with dots; None if it is not there."""
    if isinstance(row, Mapping) and path in row:  # groups have whole paths as names
        return row[path]
    for name in path.split("."):
        row = row.get(name) if isinstance(row, Mapping) else None
    return row


def split_names(text: str) -> list[str]:
    """`a, b` as a list."""
    return [name for name in map(str.strip, text.split(",")) if name]
