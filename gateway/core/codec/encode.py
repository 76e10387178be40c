"""Protobuf to JSON: one compiled function per message type.

A compiled function takes a parsed message and returns what orjson can dump. Its source holds
only numbered names; the descriptor's own names, which come from a remote server, reach it as
its global variables and never as text.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import copysign
from operator import attrgetter
from typing import Any, Protocol

import orjson
from google.protobuf import any_pb2, descriptor_pool
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2 as error_details_pb2  # fills the default pool
from google.rpc import status_pb2

from gateway.core.codec import slices, wellknown
from gateway.core.codec.fields import (
    INT64,
    NULL_VALUE,
    UINT64,
    enum_names,
    enum_of,
    is_enum,
    is_map,
    is_message,
    map_fields,
    message_of,
    type_name,
)
from gateway.core.codec.interfaces import NO_ALIASES, Aliases, Compiled, Shape, ToJson
from gateway.core.codec.payload import BLOCK_BYTES, Payload
from gateway.core.codec.scalars import MINUS_ZERO, FloatTable, json_double
from gateway.core.errors import Code, GatewayError
from gateway.core.long_work import STEP, Step

type_ = FieldDescriptor
LONG = frozenset((*INT64, *UINT64))
FLOATING = {type_.TYPE_FLOAT, type_.TYPE_DOUBLE}

UNREADABLE = (DecodeError, ValueError, TypeError, RecursionError)
"""What parsing or encoding bytes that do not fit their description may raise."""


class Encode(Protocol):
    """Protobuf bytes to JSON bytes: one piece when short, several pieces when long."""

    def __call__(self, payload: bytes, step: Step = ..., /) -> Iterable[bytes]:
        """Each piece takes a step at most; an empty one only ends a step.

        Raises GatewayError (INTERNAL) for bytes that are no such message, perhaps after pieces.
        """


class Encoders:
    """The encoders of one pool's message types, each compiled when it is first asked for."""

    def __init__(
        self,
        pool: DescriptorPool,
        aliases: Aliases = NO_ALIASES,
        *,
        unset: bool = True,
        classes: Sequence[type[Message]] = (),
    ) -> None:
        """With `unset`, fields that are not set are there, too, as null or with their default.

        `classes` are those of the pool, which are kept; see `message_classes`.
        """
        self.pool = pool
        self._classes = classes
        self.aliases = aliases
        self._unset_too = unset
        self._compiled = Compiled(self._compile)
        self._floats = FloatTable()

    @cached_property
    def given(self) -> "Encoders":
        """Encoders that show only what is set."""
        return Encoders(self.pool, unset=False)

    def encoder_of_given(self, descriptor: Descriptor) -> Encode:
        """What is set in a message, and the scalars of the message itself (`"value": false`).

        A long message is shown whole.
        """
        given = MessageEncoder(OnlyWhatIsSet(descriptor, self.given), can_be_sliced=False)
        whole = self.encoder(descriptor)

        def encode(payload: bytes, step: Step = STEP, /) -> Iterable[bytes]:
            is_long = len(payload) > slices.LARGEST_WHOLE
            return whole(payload, step) if is_long else given(payload, step)

        return encode

    def to_json_of_given(self, descriptor: Descriptor) -> ToJson:
        if wellknown.is_special(descriptor):
            return self.to_json(descriptor)
        return self._define(descriptor, [each for each in descriptor.fields if is_scalar(each)])

    def encoder(self, descriptor: Descriptor) -> Encode:
        return MessageEncoder(Whole(descriptor, self))

    def to_json(self, descriptor: Descriptor) -> ToJson:
        return self._compiled.get(descriptor)

    def _compile(self, descriptor: Descriptor) -> ToJson:
        if (special := wellknown.encoder(descriptor, self.value, self._any)) is not None:
            return special
        return self._define(descriptor, descriptor.fields if self._unset_too else ())

    def _define(self, descriptor: Descriptor, shown: Iterable[FieldDescriptor]) -> ToJson:
        """The function for a type; fields that are `shown` are there even if they are not set."""
        fields = list(descriptor.fields)
        if not fields and not descriptor.is_extendable:
            return lambda message: {}
        message_class = GetMessageClass(descriptor)
        blank = {field.json_name: self._unset(field, message_class()) for field in shown}
        constants: dict[str, object] = {
            # Called through the class: a field may be named like a method.
            "has": message_class.HasField,
            "sign": copysign,
            "minus_zero": MINUS_ZERO,
            "copy": blank.copy,
        }
        constants["get"] = attrgetter(*(field.name for field in fields)) if fields else None
        values = ", ".join(f"v{number}" for number in range(len(fields)))
        lines = [f"{values} = get(message)" if fields else "pass", "json = copy()"]
        for number, field in enumerate(fields):
            constants[f"k{number}"] = field.json_name
            constants[f"n{number}"] = field.name
            lines += self._statements(field, number, constants, in_blank=field.json_name in blank)
        if descriptor.is_extendable:
            constants["extensions"] = self.extensions
            lines.append("json.update(extensions(message))")
        aliases = self.aliases.get(descriptor.full_name, {})
        keys = {field.json_name: f"k{number}" for number, field in enumerate(fields)}
        for number, (alias, derived) in enumerate(aliases.items()):
            constants[f"a{number}"] = alias
            if isinstance(derived, bool):
                lines.append(f"json[a{number}] = {derived}")
                continue
            there = " and ".join(f"{keys[name]} in json" for name in derived)
            total = " + ".join(f"json[{keys[name]}]" for name in derived)
            lines.append(f"if {there}: json[a{number}] = {total}")
        lines.append("return json")
        return define(lines, constants)

    def _unset(self, field: FieldDescriptor, message: Any) -> object:
        """The JSON of an unset field: null if it has presence, else its default."""
        if is_map(field):
            return {}
        if field.is_repeated:
            return ()
        if field.has_presence:
            return None
        value, default = self.value(field), getattr(message, field.name)
        return default if value is None else value(default)

    def _statements(
        self,
        field: FieldDescriptor,
        number: int,
        constants: dict[str, object],
        *,
        in_blank: bool,
    ) -> list[str]:
        """`json[key] = value` if the field is set; otherwise a member of a oneof is deleted."""
        key, value = f"json[k{number}]", f"v{number}"
        set_ = value
        if field.has_presence:
            set_ = f"has(message, n{number})"
            if not (is_message(field) or field.default_value):
                set_ = f"{value} or {set_}"  # no call unless it has its default
        lines = [f"if {set_}: {key} = {self._expression(field, number, constants)}"]
        if field.containing_oneof is not None and in_blank:
            lines.append(f"else: del {key}")
        elif field.type in FLOATING and not (field.is_repeated or field.has_presence):
            lines.append(f"elif sign(1.0, {value}) < 0.0: {key} = minus_zero")  # false, but not 0.0
        return lines

    def _expression(self, field: FieldDescriptor, number: int, constants: dict[str, object]) -> str:
        name = f"v{number}"
        if is_map(field):
            constants[f"c{number}"] = self._map(field)
            return f"c{number}({name})"
        item = self._item(field, "x" if field.is_repeated else name, number, constants)
        if not field.is_repeated:
            return item
        return f"list({name})" if item == "x" else f"[{item} for x in {name}]"

    def _item(
        self, field: FieldDescriptor, name: str, number: int, constants: dict[str, object]
    ) -> str:
        """An expression for one value of the field; it may add to `constants`.

        As `value`, but with OpenCue's most common types inlined: a call costs more than the work.
        """
        convert = f"c{number}"
        if field.type in LONG:
            return f'f"{{{name}}}"'
        if field.type == type_.TYPE_FLOAT:
            constants[convert] = self._floats
            return f"{convert}[{name}]"
        if is_enum(field) and type_name(field) != NULL_VALUE:
            constants[convert] = enum_names(enum_of(field)).get
            return f"{convert}({name}, {name})"
        if (function := self.value(field)) is None:
            return name
        constants[convert] = function
        return f"{convert}({name})"

    def value(self, field: FieldDescriptor) -> ToJson | None:
        if is_message(field):
            return self.to_json(message_of(field))
        if is_enum(field):
            if type_name(field) == NULL_VALUE:
                return lambda number: None
            names = enum_names(enum_of(field))
            return lambda number: names.get(number, number)
        if field.type in LONG:
            return str
        if field.type == type_.TYPE_FLOAT:
            return self._floats.__getitem__
        if field.type == type_.TYPE_DOUBLE:
            return json_double
        if field.type == type_.TYPE_BYTES:
            return lambda data: b64encode(data).decode("ascii")
        return None

    def _map(self, field: FieldDescriptor) -> ToJson:
        """A map as an object, sorted by key as in Go."""
        key_field, value_field = map_fields(field)
        key = json_bool if key_field.type == type_.TYPE_BOOL else str
        value = self.value(value_field)
        if value is None:
            return lambda entries: {key(name): entries[name] for name in sorted(entries)}
        return lambda entries: {key(name): value(entries[name]) for name in sorted(entries)}

    def _any(self, message: Any) -> dict[str, object]:
        """An Any as `@type` and its content's fields; of an unknown type, the bytes as base64."""
        if not message.type_url and not message.value:
            return {}
        try:
            descriptor = self.pool.FindMessageTypeByName(message.type_url.rpartition("/")[2])
        except KeyError:
            content = b64encode(message.value).decode("ascii")
            return {"@type": message.type_url, "value": content}
        json = self.to_json(descriptor)(GetMessageClass(descriptor).FromString(message.value))
        if wellknown.is_special(descriptor):
            return {"@type": message.type_url, "value": json}
        assert isinstance(json, dict)
        return {"@type": message.type_url, **json}

    def extensions(self, message: Message) -> dict[str, object]:
        """The extensions that are set, under `[full.name]`."""
        found = {}
        for field, content in type(message).ListFields(message):
            if field.is_extension:
                value = self.value(field)
                if value is not None:
                    content = [value(x) for x in content] if field.is_repeated else value(content)
                elif field.is_repeated:
                    content = list(content)
                found[f"[{field.full_name}]"] = content
        return found


def define(lines: list[str], constants: Mapping[str, object]) -> ToJson:
    """The function `to_json(message)` with these lines; `constants` are its global variables.

    Default arguments would all be copied for each call, which costs more than looking up those
    that are used.
    """
    source = "def to_json(message):\n" + "".join(f"    {line}\n" for line in lines)
    scope: dict[str, Any] = dict(constants)
    exec(source, scope)  # noqa: S102 - the text holds only numbered names, see the module's head
    function: ToJson = scope.pop("to_json")  # otherwise a reference cycle
    return function


def is_scalar(field: FieldDescriptor) -> bool:
    """Whether it is one value that is always there."""
    return not (field.is_repeated or is_message(field) or field.has_presence)


def json_bool(value: object) -> str:
    return "true" if value else "false"


@dataclass(frozen=True, slots=True)
class Whole:
    """All of a message type, as a `Shape`."""

    descriptor: Descriptor
    encoders: Encoders

    @property
    def to_json(self) -> ToJson:
        return self.encoders.to_json(self.descriptor)

    def value(self, field: FieldDescriptor) -> ToJson | None:
        return self.encoders.value(field)

    def below(self, field: FieldDescriptor) -> "Whole":
        return Whole(message_of(field), self.encoders)


@dataclass(frozen=True, slots=True)
class OnlyWhatIsSet(Whole):
    """What is set in a message, as a `Shape`."""

    @property
    def to_json(self) -> ToJson:
        return self.encoders.to_json_of_given(self.descriptor)


class MessageEncoder:
    """An `Encode` for a shape."""

    def __init__(self, shape: Shape, *, can_be_sliced: bool = True) -> None:
        self._shape = shape
        self._descriptor = shape.descriptor
        self._class = GetMessageClass(self._descriptor)
        self._can_be_sliced = can_be_sliced and not wellknown.is_special(self._descriptor)
        self._lists = tuple(lists_of(self._descriptor)) if self._can_be_sliced else ()

    @cached_property
    def _to_json(self) -> ToJson:
        return self._shape.to_json

    @cached_property
    def _empty(self) -> tuple[bytes]:
        return (orjson.dumps(self._to_json(self._class())),)

    def __call__(self, payload: bytes, step: Step = STEP, /) -> Iterable[bytes]:
        if not payload:
            return self._empty
        if len(payload) > slices.LARGEST_WHOLE and self._can_be_sliced:
            return self._in_slices(payload, step)
        try:
            message = self._class.FromString(payload)
            # An item takes at least two bytes, and up to two slices may be one piece.
            if len(payload) > 4 * slices.SLICE_ITEMS and any(
                len(get(message)) > 2 * slices.SLICE_ITEMS for get in self._lists
            ):
                return self._in_slices(payload, step)
            return (orjson.dumps(self._to_json(message)),)
        except UNREADABLE as error:
            raise unreadable(self._descriptor, error) from error

    def _in_slices(self, payload: bytes, step: Step) -> "Slices":
        kept = Payload(payload)

        def pieces() -> Iterator[bytes]:
            try:
                yield from slices.encode(self._shape, kept.read, kept.size, step)
            except UNREADABLE as error:
                raise unreadable(self._descriptor, error) from error

        return Slices(kept, pieces())


@dataclass(frozen=True, slots=True)
class Slices:
    """The pieces of a long answer, and the bytes that are left to make them of."""

    payload: Payload
    pieces: Iterator[bytes]
    length: int | None = None
    """Bytes of all pieces, if it is known."""

    def __iter__(self) -> Iterator[bytes]:
        return self.pieces


def forwarded(payload: bytes, step: Step = STEP, /) -> Iterable[bytes]:
    """The message itself: an `Encode` for clients that read protobuf."""
    if len(payload) <= slices.LARGEST_WHOLE:
        return (payload,)
    kept = Payload(payload)
    return Slices(kept, blocks(kept), kept.size)


def blocks(payload: Payload) -> Iterator[bytes]:
    """The message in pieces, none of which refers to the rest of it."""
    for start in range(0, payload.size, BLOCK_BYTES):
        yield bytes(payload.read(start, min(start + BLOCK_BYTES, payload.size)))


def lists_of(descriptor: Descriptor) -> Iterator[Callable[[Any], Any]]:
    """Getters of the lists that can be sliced, in a message and in its single messages."""
    for field in filter(slices.can_be_sliced, descriptor.fields):
        if field.is_repeated:
            yield attrgetter(field.name)
        else:
            for inner in filter(slices.can_be_sliced, message_of(field).fields):
                if inner.is_repeated:
                    yield attrgetter(f"{field.name}.{inner.name}")


def unreadable(descriptor: Descriptor, error: Exception) -> GatewayError:
    return GatewayError(
        Code.INTERNAL, f"Cuebot's answer cannot be read as {descriptor.full_name}: {error}"
    )


ERROR_DETAILS_TRAILER = "grpc-status-details-bin"
DETAIL_TYPES = Encoders(descriptor_pool.Default())
"""The usual detail types (google.rpc.ErrorInfo, BadRequest, …) come from their package."""


def details_to_json(serialized: bytes) -> list[object]:
    """The details of a failed call, from a serialized `google.rpc.Status`, as JSON.

    Of an unknown type, the name and the bytes are there. Unreadable details are left out
    (https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md).
    """
    try:
        status = status_pb2.Status.FromString(serialized)
        to_json = DETAIL_TYPES.to_json(any_pb2.Any.DESCRIPTOR)
        details = [to_json(detail) for detail in status.details]
        orjson.dumps(details)  # fails here rather than with the whole error
        return details
    except UNREADABLE:
        return []
