"""JSON to protobuf: one reader per message type, compiled from its descriptor.

A reader walks a parsed JSON object once, looks each key up in a table, and fills a message.
Unknown keys are collected; the caller decides which are errors.
"""

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import EncodeError
from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec import wellknown
from gateway.core.codec.body import MAX_DEPTH, ROOT, Json, Path, child, mismatch_at
from gateway.core.codec.fields import (
    INT32,
    INT64,
    UINT32,
    UINT64,
    enum_of,
    is_enum,
    is_map,
    is_message,
    map_fields,
    message_of,
    type_name,
)
from gateway.core.codec.interfaces import NO_ALIASES, Aliases, Compiled, Read
from gateway.core.codec.rewrite import Body
from gateway.core.codec.scalars import Convert, Mismatch, kind, map_key_reader, scalar_reader
from gateway.core.codec.unknown_fields import (
    FIELDS_LISTED,
    IGNORED_REPORTED,
    Unknown,
    UnknownField,
    UnknownFieldPolicy,
    UnknownFields,
    add_unknown,
    check_unknown,
    is_echo,
)
from gateway.core.errors import Code, GatewayError

MOST_LEVELS_SUGGESTED = 3
"""Levels of fields that an error for an unknown one suggests."""
PLAIN: Mapping[int, type] = {
    FieldDescriptor.TYPE_STRING: str,
    FieldDescriptor.TYPE_BOOL: bool,
    FieldDescriptor.TYPE_DOUBLE: float,
    **dict.fromkeys((*INT32, *UINT32, *INT64, *UINT64), int),
}
"""By field type, the JSON values that a message takes as they are (integers, if in range)."""

Fill = Callable[[Any, object, Path, Unknown], None]


class Decoded(NamedTuple):
    """A request as protobuf bytes."""

    payload: bytes
    ignored: tuple[str, ...] = ()
    """Paths of unknown fields, the first IGNORED_REPORTED of them."""
    defaulted: tuple[str, ...] = ()
    """Paths of fields that were set to a default."""
    most_rows: int | None = None
    """Rows of the answer that are wanted at most."""


def only_list_of(descriptor: Descriptor) -> str | None:
    """The JSON name of a list that is all a message has: a list, or one text, will do for it."""
    fields = descriptor.fields
    if len(fields) != 1 or not fields[0].is_repeated or is_message(fields[0]):
        return None
    name: str = fields[0].json_name
    return name


def fields_of(descriptor: Descriptor) -> str:
    """`; its fields are id, name, …`, for an error."""
    names = [field.json_name for field in descriptor.fields]
    if not names:
        return ""
    more = ["…"] if len(names) > FIELDS_LISTED else []
    return f"; its fields are {', '.join([*names[:FIELDS_LISTED], *more])}"


def paths_below(
    descriptor: Descriptor,
    echoed: Container[str] = (),
    prefix: str = "",
    depth: int = MOST_LEVELS_SUGGESTED,
    written: Container[str] = (),
) -> Iterator[str]:
    """The paths of fields within the message's single messages.

    Of `echoed` types, it is their name alone: what else such an object says is no argument, unless
    its path is among those that callers write themselves.
    """
    for field in descriptor.fields:
        if not depth or not is_message(field) or field.is_repeated:
            continue
        inner, path = message_of(field), f"{prefix}{field.json_name}."
        if inner.full_name in echoed and path[:-1] not in written:
            yield from (f"{path}name" for each in inner.fields if each.json_name == "name")
        else:
            yield from (f"{path}{each.json_name}" for each in inner.fields if is_plain(each))
            yield from paths_below(inner, echoed, path, depth - 1, written)


def is_plain(field: FieldDescriptor) -> bool:
    """Whether a text, or a list of texts, will do for a field."""
    return not is_message(field) or (
        not field.is_repeated and only_list_of(message_of(field)) is not None
    )


@dataclass(frozen=True, slots=True)
class Field:
    """What a reader does with one key."""

    name: str
    plain: type | None
    """The type of values that need no reader; see PLAIN."""
    is_zero_unset: bool
    """Whether a plain zero, empty text or false means a field that is not set."""
    zero: str | None
    """The zero as answers write it, if as a text: `"0"`, or an enum's name."""
    convert: Convert | None
    """The reader of a single scalar; None for any other field."""
    fill: Fill
    json_name: str | None
    """The JSON name, if the key is the original one. Both at once are an error."""
    oneof: str | None
    takes_null: bool


class DecodeValue(Protocol):
    def __call__(
        self, value: object, policy: UnknownFieldPolicy, documented: Container[str] = ()
    ) -> Decoded:
        """Raises GatewayError (INVALID_ARGUMENT). `documented` as in `check_unknown`."""


class Decoders:
    """The readers of one pool's message types, each compiled when it is first asked for."""

    def __init__(
        self,
        pool: DescriptorPool,
        echoed: Container[str] = (),
        aliases: Aliases = NO_ALIASES,
    ) -> None:
        self.pool = pool
        self._echoed = echoed
        """Full names of the types that occur in answers."""
        self._aliases = aliases
        self._readers = Compiled(self._compile)

    def value_decoder(self, descriptor: Descriptor, written: Container[str] = ()) -> DecodeValue:
        """`written` as in `check_unknown`."""
        read, new = self.reader(descriptor), GetMessageClass(descriptor)
        serialize = new.SerializeToString  # a field may be named like a method

        def decode(
            value: object, policy: UnknownFieldPolicy, documented: Container[str] = ()
        ) -> Decoded:
            message = new()
            unknown: Unknown = []
            read(value, message, ROOT, unknown)
            ignored = check_unknown(unknown, policy, documented, written) if unknown else ()
            try:
                return Decoded(serialize(message), ignored)
            except EncodeError as error:
                raise incomplete(message, error) from None

        return decode

    def is_echoed(self, descriptor: Descriptor) -> bool:
        return descriptor.full_name in self._echoed

    def paths(self, descriptor: Descriptor, written: Container[str] = ()) -> Iterator[str]:
        """The paths of a request's arguments; `written` as in `check_unknown`."""
        yield from (field.json_name for field in descriptor.fields)
        yield from paths_below(descriptor, self._echoed, written=written)

    def reader(self, descriptor: Descriptor) -> Read:
        return self._readers.get(descriptor)

    def serialize(self, message: Any) -> bytes:
        """The message's bytes. Raises GatewayError when a required field (proto2) is missing."""
        try:
            payload: bytes = type(message).SerializeToString(message)
            return payload
        except EncodeError as error:
            raise incomplete(message, error) from None

    def _compile(self, descriptor: Descriptor) -> Read:
        return wellknown.reader(descriptor, self._read_any) or self._object_reader(descriptor)

    def _read_any(self, value: object, message: Any, path: Path, unknown: Unknown) -> None:
        if value == {}:
            return
        if not isinstance(value, dict):
            raise mismatch_at(path, f"expected an object with @type, got {kind(value)}")
        type_url = value.get("@type")
        if not isinstance(type_url, str) or "/" not in type_url:
            raise mismatch_at(path, "expected @type, such as type.googleapis.com/job.Job")
        try:
            descriptor = self.pool.FindMessageTypeByName(type_url.rpartition("/")[2])
        except KeyError:
            raise mismatch_at(child(path, "@type"), f"unknown type {type_url[:200]!r}") from None
        content = {key: item for key, item in value.items() if key != "@type"}
        packed = GetMessageClass(descriptor)()
        read_content = self.reader(descriptor)
        if wellknown.is_special(descriptor):
            if content.keys() != {"value"}:
                raise mismatch_at(path, f"expected @type and value, for a {descriptor.full_name}")
            read_content(content["value"], packed, child(path, "value", 1), unknown)
        else:
            read_content(content, packed, child(path, None, 1), unknown)
        message.type_url = type_url
        message.value = self.serialize(packed)

    def _object_reader(self, descriptor: Descriptor) -> Read:  # noqa: C901 - see `read`
        fields = self._fields(descriptor)
        one_of = any(field.oneof for field in fields.values())
        take_other = self._other_keys(descriptor)
        listed_fields, only_list = fields_of(descriptor), only_list_of(descriptor)

        # One loop for all kinds of fields: a call for each of them would cost more than its work.
        def read(  # noqa: C901
            value: object, message: Any, path: Path, unknown: Unknown
        ) -> None:
            if type(value) is not dict:
                if only_list is None or type(value) not in (list, str):
                    raise mismatch_at(path, f"expected an object, got {kind(value)}{listed_fields}")
                value = {only_list: value if type(value) is list else [value]}
            for key, item in value.items():
                field = fields.get(key)
                if field is None:
                    take_other(key, value, message, path, unknown)
                    continue
                if field.json_name is not None and field.json_name in value:
                    raise given_twice(value, path, key, field.json_name)
                if type(item) is field.plain:
                    if not item and field.is_zero_unset:
                        continue
                    try:
                        setattr(message, field.name, item)
                        continue
                    except ValueError:  # out of range: `convert` raises the error for that
                        pass
                if (item is None or item == field.zero) and not field.takes_null:
                    continue
                if field.convert is None:
                    field.fill(message, item, path, unknown)
                    continue
                try:
                    setattr(message, field.name, field.convert(item))
                except Mismatch as mismatch:
                    raise mismatch_at(child(path, key), str(mismatch)) from None
            if one_of:
                check_oneofs(value, fields, path)

        return read

    def _other_keys(
        self, descriptor: Descriptor
    ) -> Callable[[str, Json, Any, Path, Unknown], None]:
        """The function for other keys: extensions are set, the rest is added to `unknown`."""
        extendable = descriptor.is_extendable
        echoed = self.is_echoed(descriptor)
        originals = {field.json_name: field.name for field in descriptor.fields}
        names = tuple(originals)
        below = partial(paths_below, descriptor, self._echoed)
        plain = tuple(each.json_name for each in descriptor.fields if not is_message(each))
        aliases = self._aliases.get(descriptor.full_name, {})
        echoes = {
            alias: tuple(
                spelling
                for name in (names if isinstance(derived, bool) else derived)
                for spelling in (name, originals[name])
            )
            for alias, derived in aliases.items()
        }

        def take(key: str, value: Json, message: Any, path: Path, unknown: Unknown) -> None:
            if extendable and self._fill_extension(message, key, value[key], path, unknown):
                return
            if not is_echo(key, value, echoes):
                add_unknown(unknown, UnknownField(path, key, names, echoed, below, plain))

        return take

    def _fields(self, descriptor: Descriptor) -> dict[str, Field]:
        """The fields by JSON name and, unless another field has that JSON name, original name."""
        by_name = {field.json_name: field for field in descriptor.fields}
        for field in descriptor.fields:
            by_name.setdefault(field.name, field)
        return {name: self._field(field, name) for name, field in by_name.items()}

    def _field(self, field: FieldDescriptor, name: str) -> Field:
        oneof = field.containing_oneof
        is_scalar = not (field.is_repeated or is_message(field))
        return Field(
            name=field.name,
            plain=None if field.is_repeated else PLAIN.get(field.type),
            # -0.0 is false in Python and not the default. (Floats have no plain type.)
            is_zero_unset=not field.has_presence and field.type != field.TYPE_DOUBLE,
            zero=text_of_zero(field) if is_scalar and not field.has_presence else None,
            convert=scalar_reader(field) if is_scalar else None,
            fill=self._fill(field, name),
            json_name=field.json_name if name != field.json_name else None,
            oneof=oneof.name if oneof is not None and len(oneof.fields) > 1 else None,
            takes_null=not field.is_repeated and wellknown.takes_null(type_name(field)),
        )

    def _fill_extension(
        self, message: Any, key: str, item: object, path: Path, unknown: Unknown
    ) -> bool:
        """Set the extension with the key `[full.name]`; False if the type has none of that name."""
        try:
            field = self.pool.FindExtensionByName(key.removeprefix("[").removesuffix("]"))
        except KeyError:
            return False
        if f"[{field.full_name}]" != key or field.containing_type is not message.DESCRIPTOR:
            return False
        if item is not None:
            self._fill(field, key)(ExtensionOf(message, field), item, path, unknown)
        return True

    def _fill(self, field: FieldDescriptor, key: str) -> Fill:
        if is_map(field):
            return self._fill_map(field, key)
        if is_message(field):
            return self._fill_message(field, key)
        fill = fill_list if field.is_repeated else fill_scalar
        return fill(field.name, key, scalar_reader(field))

    def _fill_message(self, field: FieldDescriptor, key: str) -> Fill:
        name, read = field.name, self.reader(message_of(field))
        set_in_parent = GetMessageClass(message_of(field)).SetInParent

        def fill_one(message: Any, item: object, path: Path, unknown: Unknown) -> None:
            content = getattr(message, name)
            set_in_parent(content)
            depth = path[2] + 1
            place = (path, key, depth) if depth < MAX_DEPTH else child(path, key, 1)
            read(item, content, place, unknown)

        def fill_many(message: Any, item: object, path: Path, unknown: Unknown) -> None:
            place = child(path, key, 1)
            if type(item) is not list:
                raise mismatch_at(place, f"expected a list, got {kind(item)}")
            container = getattr(message, name)
            for index, element in enumerate(item):
                read(element, container.add(), child(place, index), unknown)

        return fill_many if field.is_repeated else fill_one

    def _fill_map(self, field: FieldDescriptor, key: str) -> Fill:
        name = field.name
        key_field, value_field = map_fields(field)
        convert_key = map_key_reader(key_field)
        put = self._put(value_field)

        def fill(message: Any, item: object, path: Path, unknown: Unknown) -> None:
            place = child(path, key)
            if type(item) is not dict:
                raise mismatch_at(place, f"expected an object, got {kind(item)}")
            container = getattr(message, name)
            for entry, value in item.items():
                try:
                    entry_key = convert_key(entry)
                    if entry_key in container:
                        raise Mismatch("this key is there twice")
                    put(container, entry_key, value, child(place, entry, 2), unknown)
                except Mismatch as mismatch:
                    raise mismatch_at(child(place, entry), str(mismatch)) from None

        return fill

    def _put(self, field: FieldDescriptor) -> Callable[..., None]:
        if is_message(field):
            read = self.reader(message_of(field))
            return lambda container, key, value, path, unknown: read(
                value, container[key], path, unknown
            )
        convert = scalar_reader(field)
        return lambda container, key, value, path, unknown: container.__setitem__(
            key, convert(value)
        )


def incomplete(message: Any, error: EncodeError) -> GatewayError:
    """The 400 for a message of which a required field (proto2) is missing."""
    missing = type(message).FindInitializationErrors(message)
    return mismatch_at(ROOT, f"missing: {', '.join(missing[:20])}" if missing else str(error))


class ExtensionOf:
    """An extension of a message, read and set like an ordinary field."""

    def __init__(self, message: Any, field: FieldDescriptor) -> None:
        self.__dict__["extensions"] = type(message).Extensions.__get__(message)
        self.__dict__["field"] = field

    def __getattr__(self, name: str) -> Any:
        return self.extensions[self.field]

    def __setattr__(self, name: str, value: object) -> None:
        self.extensions[self.field] = value


def text_of_zero(field: FieldDescriptor) -> str | None:
    """The default of a scalar without presence as answers write it, if as a text."""
    if is_enum(field):
        zero = enum_of(field).values_by_number.get(0)
        return zero.name if zero is not None else None
    return "0" if field.type in INT64 or field.type in UINT64 else None


def decode_body(decode_value: DecodeValue, body: Body, policy: UnknownFieldPolicy) -> Decoded:
    """`decode_value` for a body, with errors and ignored fields named as the client wrote them."""
    if body.left and policy is UnknownFieldPolicy.EVERYTHING:
        raise GatewayError(Code.INVALID_ARGUMENT, f"unknown field `{body.left[0]}`")
    try:
        decoded = decode_value(body.value, policy, body.documented)
    except UnknownFields as error:
        raise UnknownFields(body.as_written(error.message), error.fields) from None
    except GatewayError as error:
        raise GatewayError(error.code, body.as_written(error.message)) from None
    ignored = (*map(body.as_written, decoded.ignored), *body.left)
    return Decoded(
        decoded.payload, ignored[:IGNORED_REPORTED], tuple(body.defaulted), body.most_rows
    )


def given_twice(value: Json, path: Path, *names: str) -> GatewayError:
    """The error, at the first of the two names, for a field given under both."""
    first, second = (key for key in value if key in names)
    return mismatch_at(child(path, first), f"also given as {second}; send one")


def fill_scalar(name: str, key: str, convert: Convert) -> Fill:
    def fill(message: Any, item: object, path: Path, unknown: Unknown) -> None:
        try:
            setattr(message, name, convert(item))
        except Mismatch as mismatch:
            raise mismatch_at(child(path, key), str(mismatch)) from None

    return fill


def fill_list(name: str, key: str, convert: Convert) -> Fill:
    def fill(message: Any, item: object, path: Path, unknown: Unknown) -> None:
        place = child(path, key)
        if type(item) is str and "," in item:
            problem = "expected a list, got a string with commas; send a list, or each by itself"
            raise mismatch_at(place, problem)
        if type(item) is str and item:
            item = [item]
        if type(item) is not list:
            raise mismatch_at(place, f"expected a list, got {kind(item)}")
        values: list[Any] = []
        try:
            values.extend(map(convert, item))
        except Mismatch as mismatch:
            raise mismatch_at(child(place, len(values)), str(mismatch)) from None
        getattr(message, name).extend(values)

    return fill


def check_oneofs(value: Mapping[str, object], fields: Mapping[str, Field], path: Path) -> None:
    """Raise GatewayError when two members of one oneof are set."""
    seen: dict[str, str] = {}
    for key, item in value.items():
        field = fields.get(key)
        if field is None or field.oneof is None or (item is None and not field.takes_null):
            continue
        if field.oneof in seen:
            raise mismatch_at(
                child(path, key),
                f"{seen[field.oneof]} is given too; {field.oneof} takes one of them",
            )
        seen[field.oneof] = key
