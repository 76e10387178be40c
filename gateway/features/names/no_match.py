"""Names in a read's request of which there is nothing, so that it finds nothing either."""

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from gateway.core.calls.invoke import Call, parsed
from gateway.core.errors import GatewayError
from gateway.core.schema.method import Method, value_at
from gateway.core.suggestions import QUOTED_CHARS
from gateway.features.names.aspect import Filter
from gateway.features.names.kept_names import KeptNames
from gateway.features.names.near_names import list_for, way_to_list

MOST_NAMES = 10
"""Of one request, that are looked for."""
PLAIN = " !#$&'()*+,-./:;<=>?@[]^_`{|}~"
"""What is not percent-encoded in a header."""


def is_empty(method: Method, answer: bytes) -> bool:
    """Whether a short answer has no rows, or nothing at all."""
    rows = method.rows
    if rows is None:
        return not answer
    return not value_at(parsed(method, answer), tuple(field.name for field in rows.fields))


async def no_match(
    filters: Sequence[Filter], request: Any, kept: KeptNames, principal: str, call: Call
) -> str:
    """`r.shows=nope; did you mean 'demo'?`: the names that are in no list, percent-encoded for a
    header. Empty if all are there, or lists cannot be read.
    """
    found = []
    for each, name in names_in(filters, request):
        try:
            listed = await list_for(each.near, each.near.method, name, (), kept, principal, call)
        except GatewayError:
            continue
        if listed is None or name in listed:
            continue
        if "*" in name:
            hint = way_to_list(each.near, name)
        else:
            hint = await kept.hint(listed, name, principal)
        found.append(quote(f"{each.place}={name[:QUOTED_CHARS]}{hint}", safe=PLAIN))
    return ", ".join(found)


def names_in(filters: Sequence[Filter], request: Any) -> Iterator[tuple[Filter, str]]:
    left = MOST_NAMES
    for each in filters:
        for name in value_at(request, each.path):
            if left:
                left -= 1
                yield each, name
