"""Paths of fields, as views name them: `jobStats.deadFrames`, from a message type down."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from gateway.core.calls.query import refused
from gateway.core.codec.fields import (
    field_called,
    is_map,
    is_message,
    map_fields,
    message_of,
    owner_of,
    too_many_parts,
)
from gateway.core.codec.interfaces import NO_ALIASES, Derived
from gateway.core.suggestions import QUOTED_CHARS, did_you_mean
from gateway.features.views.columns import Column, ColumnInputs, Value

INTEGER = re.compile(r"-?[0-9]{1,20}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Beginning:
    """The text of a field up to a mark: `render-01` of `render-01/4.00/0`."""

    field: str
    """Its JSON name."""
    mark: str


Meant = Derived | Beginning | Column | str
"""What a name stands for that no field has. A text says where it is instead."""
OtherNames = Mapping[str, Mapping[str, Meant]]
"""By full name of a message type: by names as in answers, and by others in lower case."""

Values = Callable[[Any], Iterator[Any]]
"""The values at a path of a message: none for an unset field, several below a list."""


@dataclass(frozen=True)
class Segment:
    """One field of a path, and the key for one entry of a map."""

    field: FieldDescriptor
    key: object = None
    alias: str = ""
    """The field's other name in answers, if the path has that."""
    mark: str = ""
    """What ends the text that is meant, if that is only the beginning of the field's."""
    computed: Value | None = None
    """The value of a column, which only looks like a field."""

    def cut(self, text: str) -> str:
        return text.partition(self.mark)[0]


@dataclass(frozen=True)
class FieldPath:
    """The path of a field that exists."""

    text: str
    """In JSON names."""
    segments: tuple[Segment, ...]
    written: str = ""
    """As it was asked for, such as `deadFrames` for `jobStats.deadFrames`."""

    @property
    def heading(self) -> str:
        return self.written or self.text

    @property
    def leaf(self) -> FieldDescriptor:
        """The last field; for an entry of a map, that of the map's values."""
        last = self.segments[-1]
        return map_fields(last.field)[1] if last.key is not None else last.field

    @property
    def is_value(self) -> bool:
        return not is_message(self.leaf)

    @property
    def is_list(self) -> bool:
        """Whether there may be several values."""
        return any(each.key is None and each.field.is_repeated for each in self.segments)

    @cached_property
    def values(self) -> Values:
        return values_at(self.segments)

    @cached_property
    def value(self) -> Value:
        """For paths without lists."""
        return value_at(self.segments)


def find_path(
    descriptor: Descriptor,
    text: str,
    aliases: OtherNames = NO_ALIASES,
    inputs: ColumnInputs | None = None,
) -> FieldPath:
    """The path in a message type, in either naming or by another name: that of a copy, or with
    `inputs` that of a column.

    Raises LookupError with the problem.
    """
    if problem := too_many_parts(text):
        raise LookupError(f"{text[:QUOTED_CHARS]!r} has {problem}")
    parts = text.split(".")
    segments: list[Segment] = []
    names: list[str] = []
    at: Descriptor | None = descriptor
    index = 0
    while index < len(parts):
        part = parts[index]
        if at is None:
            raise LookupError(f"{'.'.join(names)!r} has no fields")
        field, alias, mark, others = field_called(at, part), "", "", aliases.get(at.full_name, {})
        if field is None and (meant := meaning_of(part, others)) is not None:
            if isinstance(meant, Column):
                if inputs is None:
                    raise LookupError(f"{meant.name!r} is a column of views")
                name, computed = meant.name, meant.bound(inputs)
                segments.append(Segment(meant.leaf, alias=name, computed=computed))
                names.append(name)
                index, at = index + 1, None
                continue
            alias, mark = part, meant.mark if isinstance(meant, Beginning) else ""
            field = field_called(at, only_field(part, meant))
        if field is None:
            whole = only_path_ending_in(descriptor, part) if len(parts) == 1 else None
            if whole is None:
                raise NoField(at, part, columns_in(others))
            return replace(find_path(descriptor, whole, aliases, inputs), written=text)
        names.append(alias or field.json_name)
        index += 1
        if is_map(field) and index < len(parts):
            key_field, value_field = map_fields(field)
            key = map_key(key_field, parts[index])
            segments.append(Segment(field, key))
            names.append(parts[index])
            index += 1
            at = message_of(value_field) if is_message(value_field) else None
        else:
            segments.append(Segment(field, alias=alias, mark=mark))
            at = message_of(field) if is_message(field) and not is_map(field) else None
    return FieldPath(".".join(names), tuple(segments), text)


def only_path_ending_in(descriptor: Descriptor, name: str) -> str | None:
    """`jobStats.deadFrames` for `deadFrames`, if one object in the message alone has that."""
    found = [
        f"{field.json_name}.{name}"
        for field in descriptor.fields
        if is_message(field) and not field.is_repeated and not is_map(field)
        if field_called(message_of(field), name) is not None
    ]
    return found[0] if len(found) == 1 else None


def columns_in(others: Mapping[str, Meant]) -> dict[str, Column]:
    """The columns of a message type, by their names in answers."""
    return {each.name: each for each in others.values() if isinstance(each, Column)}


def meaning_of(name: str, others: Mapping[str, Meant]) -> Meant | None:
    found = others.get(name)
    return others.get(name.replace("_", "").lower()) if found is None else found


def only_field(name: str, meant: Meant) -> str:
    """The field that the name is a copy of. Raises LookupError if it is none."""
    if isinstance(meant, str):
        raise LookupError(meant)
    if isinstance(meant, Column):
        raise LookupError(f"{name!r} is a column of views")
    if isinstance(meant, Beginning):
        return meant.field
    if isinstance(meant, bool) or len(meant) > 1:
        raise LookupError(f"{name!r} is derived{made_of(meant)}")
    return meant[0]


def made_of(derived: Derived) -> str:
    if isinstance(derived, bool):
        return f": it is always {'true' if derived else 'false'}"
    return f"; ask for {' and '.join(derived)}"


Find = Callable[[Descriptor, str], FieldPath]
"""Finds the path with this text in a message type. Raises LookupError."""


class NoField(LookupError):
    """A message type has no field of that name. The suggestion is made lazily."""

    def __init__(self, descriptor: Descriptor, name: str, columns: Iterable[str] = ()) -> None:
        self._descriptor = descriptor
        self._name = name
        self._columns = columns

    def __str__(self) -> str:
        name, fields = self._name, self._descriptor.fields
        names, inner = [*(field.json_name for field in fields), *self._columns], list[str]()
        hint = did_you_mean(name, names)
        for field in fields:  # the last part of a path alone is the most likely mistake
            if not is_message(field) or field.is_repeated:
                continue
            if field_called(message_of(field), name) is not None:
                hint = f"; did you mean {field.json_name}.{name}?"
            inner += [each.json_name for each in message_of(field).fields]
        hint = hint or did_you_mean(name, inner) or f"; there are {', '.join(names)}"
        return f"{self._descriptor.full_name} has no field {name[:QUOTED_CHARS]!r}{hint}"


def map_key(field: FieldDescriptor, text: str) -> object:
    """Raises LookupError."""
    if field.type == field.TYPE_STRING:
        return text
    if field.type == field.TYPE_BOOL and text in ("true", "false"):
        return text == "true"
    if field.type != field.TYPE_BOOL and INTEGER.fullmatch(text):
        with suppress(ValueError):  # it is out of the range of such keys
            entry: Any = GetMessageClass(owner_of(field))
            return entry(key=int(text)).key
    raise LookupError(f"{text[:QUOTED_CHARS]!r} is no key of such a map")


def values_at(segments: tuple[Segment, ...]) -> Values:
    here = values_here(segments[0])
    if len(segments) == 1:
        return here
    below = values_at(segments[1:])

    def there(message: Any) -> Iterator[Any]:
        for inner in here(message):
            yield from below(inner)

    return there


def values_here(segment: Segment) -> Values:
    if segment.key is None and segment.field.is_repeated:
        name = segment.field.name
        return lambda message: iter(getattr(message, name))
    get = value_at((segment,))

    def one(message: Any) -> Iterator[Any]:
        value = get(message)
        if value is not None:
            yield value

    return one


def value_at(segments: tuple[Segment, ...]) -> Value:
    first, rest = segments[0], segments[1:]
    name, key = first.field.name, first.key
    below = value_at(rest) if rest else None
    if first.computed is not None:
        return first.computed
    if first.mark:
        return lambda message: first.cut(getattr(message, name))
    if key is not None:

        def entry(message: Any) -> Any:
            entries = getattr(message, name)
            if key not in entries:
                return None
            return entries[key] if below is None else below(entries[key])

        return entry
    if not first.field.has_presence:
        return attrgetter(name)
    has = GetMessageClass(owner_of(first.field)).HasField
    if below is None:
        return lambda message: getattr(message, name) if has(message, name) else None
    return lambda message: below(getattr(message, name)) if has(message, name) else None


def names_in(parameter: str, text: str, most: int) -> list[str]:
    """The names in a parameter, with commas between them. Raises GatewayError."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise refused(parameter, "expected names of fields with commas between them")
    if len(names) > most:
        raise refused(parameter, f"more than {most} fields")
    return list(dict.fromkeys(names))  # a name given 200 times is looked up once


def single_value(parameter: str, descriptor: Descriptor, name: str, find: Find) -> FieldPath:
    """The path to a single value that this parameter names. Raises GatewayError."""
    try:
        path = find(descriptor, name)
    except LookupError as error:
        raise refused(parameter, str(error)) from None
    if not path.is_value or path.is_list:
        raise refused(parameter, f"{path.text} is not a single value")
    return path
