"""Some fields of a message, as JSON or as cells of CSV (RFC 4180).

Other fields are never made into Python objects.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from itertools import islice
from typing import Any

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec.encode import Encoders, Whole
from gateway.core.codec.fields import is_map, is_message, map_fields, message_of, owner_of
from gateway.core.codec.interfaces import Shape, ToJson
from gateway.core.codec.scalars import MINUS_ZERO
from gateway.core.codec.wellknown import is_special
from gateway.features.views.columns import Value
from gateway.features.views.paths import FieldPath, Segment, find_path, values_at
from gateway.features.views.row_conditions import NUMBERS
from gateway.features.views.spreadsheets import for_spreadsheets
from gateway.features.views.units import NO_UNITS, Units, unit_of

MOST_COLUMNS = 200
FORMULA = re.compile(
    r"[\t\r\n]"
    r"|[\s\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]*"
    r"[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b]"
)
"""The beginning of a text that a spreadsheet may run (OWASP, CSV injection): a tab, a line end, or
one of four signs, of any width, after blanks, controls and invisible characters."""
NUMERIC = frozenset((*NUMBERS, FieldDescriptor.TYPE_BOOL))
"""Types whose values are no texts, even if they are strings in JSON."""


def shape_of(
    descriptor: Descriptor, paths: Iterable[FieldPath] | None, encoders: Encoders
) -> Shape:
    """All fields if `paths` is None."""
    if paths is None:
        return Whole(descriptor, encoders)
    return Some(descriptor, [path.segments for path in paths], encoders)


class Some:
    """Some fields of a message type, as a `Shape`."""

    def __init__(
        self, descriptor: Descriptor, paths: list[tuple[Segment, ...]], encoders: Encoders
    ) -> None:
        self.descriptor = descriptor
        self._encoders = encoders
        self._by_field: dict[int, list[tuple[Segment, ...]]] = {}
        self._aliases = dict.fromkeys(first for first, *_ in paths if first.alias)
        for segments in paths:
            if not segments[0].alias:
                self._by_field.setdefault(segments[0].field.number, []).append(segments)

    @cached_property
    def to_json(self) -> ToJson:
        parts = []
        for paths in self._by_field.values():
            field = paths[0][0].field
            if is_map(field):
                parts.append(map_part(field, paths, self._encoders))
            else:
                parts.append(part(field, self.value(field), field.json_name))
        for each in self._aliases:
            if each.computed is not None:
                parts.append(column_part(each.computed, each.alias))
                continue
            value = each.cut if each.mark else self._encoders.value(each.field)
            parts.append(part(each.field, value, each.alias))

        def to_json(message: Any) -> dict[str, object]:
            json: dict[str, object] = {}
            for add in parts:
                add(message, json)
            return json

        return to_json

    def value(self, field: FieldDescriptor) -> ToJson | None:
        return self.below(field).to_json if is_message(field) else self._encoders.value(field)

    def below(self, field: FieldDescriptor) -> Shape:
        paths = self._by_field[field.number]
        if any(len(segments) == 1 for segments in paths):
            return Whole(message_of(field), self._encoders)
        return Some(message_of(field), [segments[1:] for segments in paths], self._encoders)


def part(
    field: FieldDescriptor, value: ToJson | None, key: str
) -> Callable[[Any, dict[str, object]], None]:
    """Puts one field of a message into its JSON, under this key."""
    name = field.name
    if field.is_repeated:
        if value is None:
            return lambda message, json: json.__setitem__(key, list(getattr(message, name)))
        return lambda message, json: json.__setitem__(
            key, [value(item) for item in getattr(message, name)]
        )
    has = GetMessageClass(owner_of(field)).HasField if field.has_presence else None
    in_oneof = field.containing_oneof is not None

    def add(message: Any, json: dict[str, object]) -> None:
        if has is not None and not has(message, name):
            if not in_oneof:
                json[key] = None
            return
        found = getattr(message, name)
        json[key] = found if value is None else value(found)

    return add


def column_part(value: Value, key: str) -> Callable[[Any, dict[str, object]], None]:
    """Puts a column of a row into its JSON; None is `null`."""
    return lambda row, json: json.__setitem__(key, value(row))


def map_part(
    field: FieldDescriptor, paths: list[tuple[Segment, ...]], encoders: Encoders
) -> Callable[[Any, dict[str, object]], None]:
    """Puts the wanted entries of a map into a message's JSON."""
    name, json_name = field.name, field.json_name
    value_field = map_fields(field)[1]
    value = encoders.value(value_field)
    below: dict[object, list[tuple[Segment, ...]]] = {}
    for first, *rest in paths:
        below.setdefault(first.key, []).append(tuple(rest))
    values = {
        key: Some(message_of(value_field), inner, encoders).to_json if all(inner) else value
        for key, inner in below.items()
    }

    def add(message: Any, json: dict[str, object]) -> None:
        entries = getattr(message, name)
        keys = sorted(entries) if None in values else [key for key in values if key in entries]
        json[json_name] = {
            map_key_text(key): entries[key] if to_json is None else to_json(entries[key])
            for key in keys
            for to_json in (value if None in values else values[key],)
        }

    return add


def map_key_text(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def around_rows(json: object, names: tuple[str, ...]) -> tuple[bytes, bytes]:
    """What is before and behind the rows in an answer, of which this is the JSON without them."""
    end = b"]" + b"}" * len(names)
    return orjson.dumps(with_list_last(json, names))[: -len(end)], end


def with_list_last(json: object, names: tuple[str, ...]) -> dict[str, object]:
    """The JSON with an empty list at this path, last in each object on the way."""
    found = dict(json) if isinstance(json, dict) else {}
    inner = found.pop(names[0], None)
    found[names[0]] = [] if len(names) == 1 else with_list_last(inner, names[1:])
    return found


def columns_of(descriptor: Descriptor) -> Iterator[FieldPath]:
    """The paths of all single values of a row and of the messages in it."""
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


def cell_of(path: FieldPath, encoders: Encoders, units: Units = NO_UNITS) -> Callable[[Any], str]:
    """The function from a row to the cell of a column, which is empty for an unset field.

    Numbers in one of these units are as spreadsheets take them.
    """
    if is_map(path.leaf):
        return map_cell(path, encoders)
    values = path.values
    convert = for_spreadsheets(unit_of(path.leaf, units)) or encoders.value(path.leaf)
    is_numeric = has_numbers(path.leaf)

    def cell(row: Any) -> str:
        found = [value if convert is None else convert(value) for value in values(row)]
        if not found:
            return ""
        if path.is_list or isinstance(found[0], dict | list):
            content = found if path.is_list else found[0]
            return quoted(orjson.dumps(content).decode())
        return single_cell(found[0], is_numeric=is_numeric)

    return cell


def single_cell(value: object, *, is_numeric: bool) -> str:
    """Empty without a value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is MINUS_ZERO:
        return "-0"
    if is_numeric or isinstance(value, int | float):
        return str(value)
    return quoted(str(value))


def has_numbers(field: FieldDescriptor) -> bool:
    """Whether a field has numbers or booleans, perhaps in wrappers."""
    if not is_message(field):
        return field.type in NUMERIC
    inner = message_of(field).fields_by_name.get("value")
    return is_special(message_of(field)) and inner is not None and inner.type in NUMERIC


def map_cell(path: FieldPath, encoders: Encoders) -> Callable[[Any], str]:
    """As `cell_of`, for a map or several maps below a list, as JSON."""
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
    """Puts an apostrophe before a text that a spreadsheet might run."""
    text = text.replace('"', '""')
    return f'"\'{text}"' if FORMULA.match(text) else f'"{text}"'


def lines(table: list[list[str]]) -> bytes:
    return "".join([",".join(cells) + "\r\n" for cells in table]).encode()
