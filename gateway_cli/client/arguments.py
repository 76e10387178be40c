"""What a request is made of: JSON, and single fields (`r.shows=demo`) that are added to it."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.calls.query import SWITCH
from gateway.codec.fields import field_called, is_message, message_of
from gateway.codec.parse import parse
from gateway.codec.wellknown import is_object, is_special
from gateway_cli.client.invalid import InvalidCall


class Kind(Enum):
    """What a field holds, as far as that matters to an argument."""

    TEXT = auto()
    """A text, a number or an enum, all of which JSON may have as a text."""
    SWITCH = auto()
    """true or false, which it may not."""
    OBJECT = auto()
    """One object, with fields of its own."""
    WHOLE = auto()
    """A map or a list of objects, which can only be given as JSON."""
    GUESS = auto()
    """Whatever the argument looks like, if no schema is at hand."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a request."""

    kind: Kind
    is_list: bool = False
    fields: "Fields | None" = None
    """Those of an object."""


Fields = Callable[[str], Field | None]
"""The field of this name, in either naming, of one message type; None if it has none."""


def unknown(name: str) -> Field | None:
    """The fields of a type of which nothing is known."""
    return None


def guess(name: str) -> Field | None:
    """The fields of any type, if there is no schema."""
    return Field(Kind.GUESS, fields=guess)


def fields_of(descriptor: Descriptor) -> Fields:
    """The fields of a message type."""

    def find(name: str) -> Field | None:
        found = field_called(descriptor, name)
        return None if found is None else as_field(found)

    return find


def as_field(found: FieldDescriptor) -> Field:
    if is_object(found):
        return Field(Kind.OBJECT, fields=fields_of(message_of(found)))
    if is_message(found) and not is_special(message_of(found)):
        return Field(Kind.WHOLE)
    kind = Kind.SWITCH if found.type == found.TYPE_BOOL else Kind.TEXT
    return Field(kind, is_list=bool(found.is_repeated))


@dataclass(frozen=True, slots=True)
class Text:
    """The value of `key=value`, whose type the schema says."""

    text: str


@dataclass(frozen=True, slots=True)
class Arguments:
    """What a request is made of."""

    body: bytes = b"{}"
    """JSON, which `given` is added to."""
    given: tuple[tuple[str, object], ...] = ()
    """Paths and their values: a `Text`, or what is in JSON."""

    @property
    def need_schema(self) -> bool:
        """Whether the types of fields matter."""
        return any(isinstance(value, Text) for _, value in self.given)

    def as_json(self, fields: Fields) -> bytes:
        """The request for a type with these fields.

        Raises InvalidCall that names the argument, and GatewayError (INVALID_ARGUMENT) for JSON
        that cannot be read. Names that no field has are in it as they are.
        """
        if not self.given:
            return self.body
        whole = parse(self.body)
        if not isinstance(whole, dict):
            raise InvalidCall("arguments like key=value can only be added to a JSON object")
        added: dict[str, object] = {}
        for path, value in self.given:
            put(added, fields, path, value)
        return orjson.dumps(merged(whole, added))


def merged(old: object, new: object) -> object:
    """The objects as one; where both have a value that is no object, the new one."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return new
    return old | {name: merged(old.get(name), value) for name, value in new.items()}


def put(body: dict[str, object], fields: Fields, path: str, value: object) -> None:
    """Set the field at a path. Raises InvalidCall."""
    *above, last = path.split(".")
    at, names = body, []
    for part in above:
        names.append(part)
        found = fields(part)
        if found is not None and found.fields is None:
            name = ".".join(names)
            raise InvalidCall(
                f"{path}: {name} is not one object whose fields can be set; give it as {name}:=JSON"
            )
        fields = unknown if found is None or found.fields is None else found.fields
        inner = at.setdefault(part, {})
        if not isinstance(inner, dict):
            raise InvalidCall(f"{path}: {'.'.join(names)} is given as a whole, too")
        at = inner
    found = fields(last)
    is_list = found is not None and found.is_list
    if isinstance(value, Text):
        value = read(path, found, value.text)
        if last not in at:
            at[last] = [value] if is_list else value
            return
        if is_list or found is None or found.kind is Kind.GUESS:
            before = at[last]
            at[last] = [*(before if isinstance(before, list) else [before]), value]
            return
    elif last not in at:
        at[last] = value
        return
    raise InvalidCall(f"{path} is there twice, and is no list")


def read(path: str, found: Field | None, text: str) -> object:
    """A text as JSON has it: numbers may be texts there, true and false may not."""
    if found is None:
        return text
    if found.kind is Kind.OBJECT:
        raise InvalidCall(f"{path} is an object: name its fields ({path}.…=), or use {path}:=JSON")
    if found.kind is Kind.WHOLE:
        raise InvalidCall(f"{path} is a map or a list of objects; give it as {path}:=JSON")
    return text if found.kind is Kind.TEXT else SWITCH.get(text, text)
