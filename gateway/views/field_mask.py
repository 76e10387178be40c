"""Some fields of a message as JSON: what is not asked for is never made into Python."""

from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from gateway.codec.encode import Encoders, Whole
from gateway.codec.fields import is_map, is_message, map_fields, message_of, owner_of
from gateway.codec.interfaces import Shape, ToJson
from gateway.views.paths import FieldPath, Segment


def shape_of(
    descriptor: Descriptor, paths: Iterable[FieldPath] | None, encoders: Encoders
) -> Shape:
    """These fields of a message type, or with None all of it."""
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
        parts += [
            part(each.field, self._encoders.value(each.field), each.alias) for each in self._aliases
        ]

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
    """What puts one field of a message into its JSON, under this key."""
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
    """A map's key in JSON."""
    return str(key).lower() if isinstance(key, bool) else str(key)


def with_list_last(json: object, names: tuple[str, ...]) -> dict[str, object]:
    """The JSON with an empty list at this place, as the last member of each object on the way."""
    found = dict(json) if isinstance(json, dict) else {}
    inner = found.pop(names[0], None)
    found[names[0]] = [] if len(names) == 1 else with_list_last(inner, names[1:])
    return found
