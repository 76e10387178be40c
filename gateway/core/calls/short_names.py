"""What people write shorter than a request has it.

Fields are at the top instead of where they belong: `{"req.states": ["DEAD"]}` gives one by its
path. What is before the last name may be left out: `{"user": "lena"}` is `{"r": {"users":
["lena"]}}`; in a change, if no other argument has that name. A size has a unit (`"memory": "8GB"`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from gateway.core.codec.body import ROOT, Json, child, mismatch_at
from gateway.core.codec.fields import field_at, field_called, is_message, message_of, too_many_parts
from gateway.core.codec.rewrite import Body, BodyPath
from gateway.core.codec.scalars import json_of_text
from gateway.core.codec.unknown_fields import UnknownField, UnknownFields, path_ending_in
from gateway.core.errors import Code, GatewayError
from gateway.core.schema.method import Aspect, Method
from gateway.core.suggestions import DID_YOU_MEAN, did_you_mean

KNOWN_BY = ("id", "name")
"""Fields that say which object one is."""


def spell_out_fields(method: Method, value: object, unknown: Iterable[UnknownField]) -> bool:
    """Move the values of these fields to where they belong, if there is one such place. False if
    there is none for any.

    Raises GatewayError (INVALID_ARGUMENT) if there is a value already, or a path is too long.
    """
    if type(value) is not dict:
        return False
    body, moved = Body(value), False
    for key, path in belonging(method, unknown):
        if key not in value or not is_open(method, value, path.partition(".")[0]):
            continue
        content = value.pop(key)
        if isinstance(content, str):  # as in a query string
            content = json_of_text(field_at(method.descriptor.input_type, path), content)
        body.put(place(path), content, place(key))
        moved = True
    return moved


def is_open(method: Method, value: Json, first: str) -> bool:
    """Whether the field of a request may get another value within it: an object that says already
    which one it is may not.
    """
    given = value.get(first)
    if type(given) is not dict:
        return given is None
    field = field_called(method.descriptor.input_type, first)
    is_from_answer = (
        field is not None
        and is_message(field)
        and method.decoders.is_echoed(message_of(field))
        and field.json_name not in method.written
    )
    return not (is_from_answer and any(given.get(each) for each in KNOWN_BY))


def belonging(method: Method, unknown: Iterable[UnknownField]) -> Iterator[tuple[str, str]]:
    """The keys of fields, with the paths that they mean. Raises GatewayError (INVALID_ARGUMENT)."""
    for field in unknown:
        if field.path is not ROOT:
            continue
        if problem := too_many_parts(field.key):
            raise mismatch_at(child(ROOT, field.key), problem)
        if "." in field.key:
            yield field.key, field.key
        elif (path := argument_called(method, field.key)) is not None:
            yield field.key, path


def argument_called(method: Method, name: str) -> str | None:
    """The path of the one argument with this last name. A change guesses nothing: there is no
    other one, however deep.
    """
    return path_ending_in(name, arguments_of(method), alone=not method.reads_only)


def arguments_of(method: Method) -> Iterator[str]:
    """The paths of what a client writes: not of what an object from an answer says beside."""
    return method.decoders.paths(method.descriptor.input_type, method.written)


def place(path: str) -> BodyPath:
    names = tuple(path.split("."))
    return BodyPath(names, names)


class Size(Protocol):
    """A field with a number in a unit of Cuebot's, which people write as a size."""

    def number(self, text: str) -> int | None:
        """The number that stands for `8GB`; None for a text that is no size."""

    def problem(self, name: str, text: str) -> str:
        """Why a form's text is no size, although it is a number, and the ways to write one; empty
        otherwise.
        """


class Sizes(dict[str, Size], Aspect):
    """An aspect: the fields of a method's requests that are sizes, in both spellings."""


NO_SIZES = Sizes()


def sizes_in(method: Method, value: object) -> dict[str, int]:
    """Numbers for sizes such as `8GB`, by the names of their fields, in whose units they are."""
    if type(value) is not dict:
        return {}
    return {
        name: number
        for name, size in method.aspects.get(Sizes, NO_SIZES).items()
        if isinstance(text := value.get(name), str) and (number := size.number(text)) is not None
    }


def check_sizes(method: Method, fields: Iterable[tuple[str, str]]) -> None:
    """Raises GatewayError (INVALID_ARGUMENT) for a form's size without a unit. In JSON, where a
    number is Cuebot's own, there may be none.
    """
    for name, text in fields:
        size = Sizes.of(method).get(name)
        if size is not None and (problem := size.problem(name, text)):
            raise GatewayError(Code.INVALID_ARGUMENT, problem)


@dataclass(frozen=True, slots=True)
class RowFields(Aspect):
    """An aspect: for a field of rows that was taken for an argument."""

    way: str = ""
    """How to choose rows by it, with `{field}` in the place of its name."""


def with_condition(error: UnknownFields, method: Method) -> GatewayError:
    """The error, with the way to choose by the field if it is one of the rows in the answer, or
    with the argument whose last name is the nearest.
    """
    rows, unknown = method.rows if method.reads_only else None, error.fields[0]
    if unknown.path is not ROOT:
        return error
    if rows is None:
        lasts = {path.rpartition(".")[2]: path for path in arguments_of(method)}
        hint = "" if DID_YOU_MEAN in error.message else did_you_mean(unknown.key, lasts, "`")
        return GatewayError(error.code, f"{error.message}{hint}") if hint else error
    way = RowFields.of(method).way
    if not way or field_called(rows.descriptor, unknown.key) is None:
        return error
    return GatewayError(error.code, f"{error.message}; {way.format(field=unknown.key)}")
