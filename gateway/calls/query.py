"""A GET's query string as a request body: `r.shows=demo&r.includeFinished=true`.

A parameter is a field's path with a text value; repeated ones are a list. Other errors are left to
the JSON reader, whose messages have the same path.
"""

from collections.abc import Iterable

import orjson
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.empty_pb2 import Empty

from gateway.codec.body import Json
from gateway.codec.fields import field_called, is_message, message_of, type_name
from gateway.codec.wellknown import is_object, is_special
from gateway.errors import Code, GatewayError
from gateway.suggestions import QUOTED_CHARS

MAX_PARAMETERS = 1000
MAX_DEPTH = 32
EMPTY_DESCRIPTOR = Empty.DESCRIPTOR
BOOL_VALUE = "google.protobuf.BoolValue"
BOOLEANS = {"true": True, "false": False}


def body_of(descriptor: Descriptor, parameters: Iterable[tuple[str, str]]) -> bytes:
    """The JSON body of the parameters, for a request of this type.

    Unknown names are kept. Raises GatewayError (INVALID_ARGUMENT) for fields without a form in
    query strings: maps, lists of messages, whole objects.
    """
    body: Json = {}
    for number, (name, text) in enumerate(parameters):
        if number >= MAX_PARAMETERS:
            raise bad(name, f"more than {MAX_PARAMETERS} parameters; send them in a body (POST)")
        put(body, descriptor, name, text)
    return orjson.dumps(body)


def put(body: Json, descriptor: Descriptor, name: str, text: str) -> None:
    *above, last = name.split(".")
    if len(above) >= MAX_DEPTH:
        raise bad(name, f"more than {MAX_DEPTH} parts")
    at, known = body, descriptor
    for part in above:
        at, known = inner(at, known, name, part)
    field = field_called(known, last)
    if field is not None and is_message(field) and not is_special(message_of(field)):
        raise bad(name, "is an object; name its fields, or send it in a body (POST)")
    value = value_of(field, text)
    if last not in at:
        at[last] = [value] if field is not None and field.is_repeated else value
    elif field is None or field.is_repeated:
        at[last] = [*as_list(at[last]), value]
    else:
        raise bad(name, "it is there twice")


def inner(at: Json, known: Descriptor, name: str, part: str) -> tuple[Json, Descriptor]:
    """The nested object and its type; Empty for an unknown field."""
    field = field_called(known, part)
    if field is not None and not is_object(field):
        raise bad(name, f"{part[:QUOTED_CHARS]} cannot be set in parts; send it in a body (POST)")
    found = at.setdefault(part, {})
    if not isinstance(found, dict):
        raise bad(name, f"{part[:QUOTED_CHARS]} is given as a whole, too")
    return found, EMPTY_DESCRIPTOR if field is None else message_of(field)


def as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def value_of(field: FieldDescriptor | None, text: str) -> object:
    """The JSON value for a text: numbers may stay texts, booleans may not."""
    if field is not None and (field.type == field.TYPE_BOOL or type_name(field) == BOOL_VALUE):
        return BOOLEANS.get(text, text)
    return text


def bad(name: str, problem: str) -> GatewayError:
    return GatewayError(Code.INVALID_ARGUMENT, f"?{name[:QUOTED_CHARS]}: {problem}")
