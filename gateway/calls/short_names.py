"""What people write shorter than a request has it.

Fields are at the top instead of where they belong: `{"req.states": ["DEAD"]}` gives one by its
path. A read may leave out what is before the last name: `{"user": "lena"}` is `{"r": {"users":
["lena"]}}`. A change may not: it is a guess. A size has a unit (`"memory": "8GB"`).
"""

from collections.abc import Iterable, Iterator

from gateway.codec.body import ROOT, child, mismatch_at
from gateway.codec.fields import field_at, field_called, too_many_parts
from gateway.codec.rewrite import Body, BodyPath
from gateway.codec.scalars import json_of_text
from gateway.codec.unknown_fields import UnknownField, UnknownFields, path_ending_in
from gateway.errors import GatewayError
from gateway.schema.method import Method
from gateway.views.units import in_unit


def spell_out_fields(method: Method, value: object, unknown: Iterable[UnknownField]) -> bool:
    """Move the values of these fields to where they belong, if there is one such place. False if
    there is none for any.

    Raises GatewayError (INVALID_ARGUMENT) if there is a value already, or a path is too long.
    """
    if type(value) is not dict:
        return False
    body, moved = Body(value), False
    for key, path in belonging(method, unknown):
        first = value.get(path.partition(".")[0])
        if key not in value or not (first is None or type(first) is dict):
            continue
        content = value.pop(key)
        if isinstance(content, str):  # as in a query string
            content = json_of_text(field_at(method.descriptor.input_type, path), content)
        body.put(place(path), content, place(key))
        moved = True
    return moved


def belonging(method: Method, unknown: Iterable[UnknownField]) -> Iterator[tuple[str, str]]:
    """The keys of fields, with the paths that they mean. Raises GatewayError (INVALID_ARGUMENT)."""
    for field in unknown:
        if field.path is not ROOT:
            continue
        if problem := too_many_parts(field.key):
            raise mismatch_at(child(ROOT, field.key), problem)
        if "." in field.key:
            yield field.key, field.key
        elif method.reads_only and (path := path_ending_in(field.key, field.paths())) is not None:
            yield field.key, path


def place(path: str) -> BodyPath:
    names = tuple(path.split("."))
    return BodyPath(names, names)


def sizes_in(method: Method, value: object) -> dict[str, int]:
    """Numbers for sizes such as `8GB`, by the names of their fields, in whose units they are."""
    if type(value) is not dict:
        return {}
    return {
        name: number
        for name, unit in method.sizes.items()
        if isinstance(text := value.get(name), str)
        and isinstance(number := in_unit(text, unit), int)
    }


def with_condition(error: UnknownFields, method: Method) -> GatewayError:
    """The error, with the condition for it if the field is one of the rows in the answer."""
    rows, unknown = method.views.rows if method.reads_only else None, error.fields[0]
    if rows is None or unknown.path is not ROOT:
        return error
    if field_called(rows.descriptor, unknown.key) is None:
        return error
    way = f"rows have it: add _where={unknown.key}=… to the query string to choose among them"
    return GatewayError(error.code, f"{error.message}; {way}")
