"""Reading and setting what a protobuf message has at a path of original names."""

from typing import Any

from gateway.schema.method import FieldPath


def value_at(message: Any, path: FieldPath) -> Any:
    """What a message has at a path."""
    for name in path:
        message = getattr(message, name)
    return message


def set_at(message: Any, path: FieldPath, content: object) -> None:
    """Set a single field at a path."""
    setattr(value_at(message, path[:-1]), path[-1], content)
