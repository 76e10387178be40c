"""Some fields of a message as JSON: what is not asked for is never made into Python."""

from collections.abc import Callable, Iterable
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from gateway.codec.encode import Encoders
from gateway.codec.fields import is_map, is_message, map_fields, message_of, owner_of
from gateway.codec.interfaces import ToJson
from gateway.views.paths import FieldPath, Segment
from gateway.views.view import Rows, View


def rows_to_json(view: View, rows: Rows, encoders: Encoders) -> ToJson:
    """The function for one row."""
    if not view.row_fields:
        return encoders.to_json(rows.descriptor)
    return tree_to_json(rows.descriptor, view.row_fields, encoders)


def tree_to_json(descriptor: Descriptor, paths: Iterable[FieldPath], encoders: Encoders) -> ToJson:
    """The function from a message to JSON that has these fields only."""
    return branch(descriptor, [path.segments for path in paths], encoders)


def branch(descriptor: Descriptor, paths: list[tuple[Segment, ...]], encoders: Encoders) -> ToJson:
    by_field: dict[int, list[tuple[Segment, ...]]] = {}
    for segments in paths:
        by_field.setdefault(segments[0].field.number, []).append(segments)
    parts = [part(below[0][0].field, below, encoders) for below in by_field.values()]

    def to_json(message: Any) -> dict[str, object]:
        json: dict[str, object] = {}
        for add in parts:
            add(message, json)
        return json

    return to_json


def part(
    field: FieldDescriptor, paths: list[tuple[Segment, ...]], encoders: Encoders
) -> Callable[[Any, dict[str, object]], None]:
    """What puts one field of a message into its JSON."""
    name, key = field.name, field.json_name
    if is_map(field):
        return map_part(field, paths, encoders)
    is_whole = any(len(segments) == 1 for segments in paths)
    value: ToJson | None
    if is_whole or not is_message(field):
        value = encoders.value(field)
    else:
        value = branch(message_of(field), [segments[1:] for segments in paths], encoders)
    if field.is_repeated:
        if value is None:
            return lambda message, json: json.__setitem__(key, list(getattr(message, name)))
        convert = value
        return lambda message, json: json.__setitem__(
            key, [convert(item) for item in getattr(message, name)]
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


def map_part(
    field: FieldDescriptor, paths: list[tuple[Segment, ...]], encoders: Encoders
) -> Callable[[Any, dict[str, object]], None]:
    """The entries of a map that are wanted, by their keys."""
    name, json_name = field.name, field.json_name
    value_field = map_fields(field)[1]
    value = encoders.value(value_field)
    below: dict[object, list[tuple[Segment, ...]]] = {}
    for first, *rest in paths:
        below.setdefault(first.key, []).append(tuple(rest))
    values = {
        key: branch(message_of(value_field), inner, encoders) if all(inner) else value
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
    """A map's key in JSON."""
    return str(key).lower() if isinstance(key, bool) else str(key)


def with_list_last(json: object, names: tuple[str, ...]) -> dict[str, object]:
    """The JSON with an empty list at this place, as the last member of each object on the way."""
    found = dict(json) if isinstance(json, dict) else {}
    inner = found.pop(names[0], None)
    found[names[0]] = [] if len(names) == 1 else with_list_last(inner, names[1:])
    return found
