"""Rows as CSV (RFC 4180): which columns there are, and what stands in their cells."""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.codec.encode import Encoders
from gateway.codec.fields import is_map, is_message, message_of
from gateway.codec.wellknown import is_special
from gateway.views.field_mask import map_part
from gateway.views.filter_expressions import NUMBERS
from gateway.views.paths import FieldPath, find_path, values_at

MOST_COLUMNS = 200
FORMULA = re.compile(
    r"[\t\r\n]"
    r"|[\s\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*"
    r"[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]"
)
"""How a text begins that a spreadsheet may run (OWASP, CSV injection): with a tab or a line end; or
with one of four signs, of any width, after what it may skip: blanks, controls, the invisible."""
NUMERIC = frozenset((*NUMBERS, FieldDescriptor.TYPE_BOOL))
"""Types whose values are no texts, however JSON has them."""


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


def cell_of(path: FieldPath, encoders: Encoders) -> Callable[[Any], str]:
    """The function from a row to the cell of a column: empty if it is not set."""
    if is_map(path.leaf):
        return map_cell(path, encoders)
    values, convert = path.values, encoders.value(path.leaf)
    is_numeric = has_numbers(path.leaf)

    def cell(row: Any) -> str:
        found = [value if convert is None else convert(value) for value in values(row)]
        if not found:
            return ""
        if path.is_list or isinstance(found[0], dict | list):
            content = found if path.is_list else found[0]
            return quoted(orjson.dumps(content).decode())
        value = found[0]
        if isinstance(value, bool):
            return "true" if value else "false"
        if is_numeric or isinstance(value, int | float):
            return str(value)
        return quoted(str(value))

    return cell


def has_numbers(field: FieldDescriptor) -> bool:
    """Whether a field's values are numbers or booleans, or such a value in a wrapper."""
    if not is_message(field):
        return field.type in NUMERIC
    inner = message_of(field).fields_by_name.get("value")
    return is_special(message_of(field)) and inner is not None and inner.type in NUMERIC


def map_cell(path: FieldPath, encoders: Encoders) -> Callable[[Any], str]:
    """The same for a map as a whole, or several of them below a list: a cell of JSON."""
    *above, last = path.segments
    owners = values_at(tuple(above)) if above else lambda row: iter((row,))
    add = map_part(last.field, [(last,)], encoders)
    several = any(each.key is None and each.field.is_repeated for each in above)

    def cell(row: Any) -> str:
        found: list[object] = []
        for owner in owners(row):
            json: dict[str, object] = {}
            add(owner, json)
            found.append(json[last.field.json_name])
        return quoted(orjson.dumps(found if several else found[0]).decode()) if found else ""

    return cell


def quoted(text: str) -> str:
    """A text as a cell that no spreadsheet runs: with an apostrophe before it if one might."""
    text = text.replace('"', '""')
    return f'"\'{text}"' if FORMULA.match(text) else f'"{text}"'


def lines(table: list[list[str]]) -> bytes:
    """Lines of CSV."""
    return "".join([",".join(cells) + "\r\n" for cells in table]).encode()
