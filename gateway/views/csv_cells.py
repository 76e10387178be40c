"""Rows as CSV (RFC 4180): which columns there are, and what stands in their cells."""

import csv
import io
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.codec.encode import Encoders
from gateway.codec.fields import is_map, is_message, message_of
from gateway.codec.wellknown import is_special
from gateway.views.conditions import NUMBER
from gateway.views.paths import FieldPath, find_path, values_at
from gateway.views.some_fields import map_part

MOST_COLUMNS = 200
HARMFUL = ("=", "+", "-", "@")
"""How a text begins, after blanks, that a spreadsheet would run (OWASP, CSV injection)."""


def columns_of(descriptor: Descriptor) -> Iterator[FieldPath]:
    """The paths of all single values of a row, down through its messages."""
    return islice(leaves(descriptor, descriptor, "", ()), MOST_COLUMNS)


def leaves(
    root: Descriptor, descriptor: Descriptor, prefix: str, above: tuple[str, ...]
) -> Iterator[FieldPath]:
    for field in descriptor.fields:
        text = prefix + field.json_name
        if field.is_repeated and is_message(field):
            continue
        if not is_message(field) or is_special(message_of(field)):
            yield find_path(root, text)
        elif message_of(field).full_name not in above:
            inner = message_of(field)
            yield from leaves(root, inner, f"{text}.", (*above, descriptor.full_name))


def cell_of(path: FieldPath, encoders: Encoders) -> Callable[[Any], object]:
    """The function from a row to the cell of a column: empty if it is not set."""
    if is_map(path.leaf):
        return map_cell(path, encoders)
    values, convert = path.values, encoders.value(path.leaf)
    is_text = path.leaf.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)

    def cell(row: Any) -> object:
        found = [value if convert is None else convert(value) for value in values(row)]
        if not found:
            return ""
        if path.is_list or isinstance(found[0], dict | list):
            content = found if path.is_list else found[0]
            return harmless(orjson.dumps(content).decode())
        value = found[0]
        if isinstance(value, bool):
            return "true" if value else "false"
        if is_text or (is_message(path.leaf) and not NUMBER.fullmatch(str(value))):
            return harmless(str(value))
        return value

    return cell


def map_cell(path: FieldPath, encoders: Encoders) -> Callable[[Any], object]:
    """The same for a map as a whole, or several of them below a list: a cell of JSON."""
    *above, last = path.segments
    owners = values_at(tuple(above)) if above else lambda row: iter((row,))
    add = map_part(last.field, [(last,)], encoders)
    several = any(each.key is None and each.field.is_repeated for each in above)

    def cell(row: Any) -> object:
        found: list[object] = []
        for owner in owners(row):
            json: dict[str, object] = {}
            add(owner, json)
            found.append(json[last.field.json_name])
        return orjson.dumps(found if several else found[0]).decode() if found else ""

    return cell


def harmless(text: str) -> str:
    """A text that no spreadsheet runs: with an apostrophe before it if one would."""
    return f"'{text}" if text.lstrip().startswith(HARMFUL) else text


def lines(table: list[list[object]]) -> bytes:
    """Lines of CSV."""
    text = io.StringIO()
    csv.writer(text).writerows(table)
    return text.getvalue().encode()
