"""Cuebot's ids, and names that stand in their place."""

import re

from gateway.core.errors import Code, GatewayError
from gateway.core.schema.method import FieldPath, Method, value_at
from gateway.core.suggestions import QUOTED_CHARS

CUEBOT_ID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
LONGEST_NAME = 1000
"""Characters of a name that is looked up."""


def is_name(content: object) -> bool:
    """Whether a value in the place of an id is a name: anything but an id of Cuebot's."""
    return isinstance(content, str) and bool(content) and not CUEBOT_ID.fullmatch(content)


def has_name(method: Method, payload: bytes, place: FieldPath | None) -> bool:
    """Whether a request has a name, if there is a place where an id may be."""
    return place is None or is_name(value_at(method.parse_request(payload), place))


def check_length(place: str, name: object) -> None:
    """Raises GatewayError (INVALID_ARGUMENT) for a name that is too long to be looked up."""
    if isinstance(name, str) and len(name) > LONGEST_NAME:
        problem = f"a name of more than {LONGEST_NAME} characters: '{name[:QUOTED_CHARS]}…'"
        raise GatewayError(Code.INVALID_ARGUMENT, f"{place}: {problem}")
