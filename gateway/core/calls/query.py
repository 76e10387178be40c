"""Query strings: what is asked for beside the arguments and, with GET, the request itself.

A GET's query string is a request body: `r.shows=demo&r.includeFinished=true`. A parameter is a
field's path with a text value; repeated ones are a list. Other errors are left to the JSON reader,
whose messages have the same path. Parameters that begin with `_` are options (`options`).
"""

import re
from collections.abc import Container, Iterable
from typing import NamedTuple
from urllib.parse import parse_qsl

import orjson
from google.protobuf.descriptor import Descriptor
from google.protobuf.empty_pb2 import Empty

from gateway.core.calls.answer_form import AnswerForm
from gateway.core.calls.plan import Planners
from gateway.core.calls.short_names import arguments_of, check_sizes
from gateway.core.calls.xml_body import XmlField
from gateway.core.codec.body import Json, parse
from gateway.core.codec.decode import fields_of, only_list_of
from gateway.core.codec.fields import field_called, has_text, is_message, message_of, too_many_parts
from gateway.core.codec.scalars import json_of_text
from gateway.core.codec.unknown_fields import IGNORED_REPORTED, UnknownFieldPolicy
from gateway.core.codec.wellknown import is_object, is_special
from gateway.core.errors import Code, GatewayError
from gateway.core.schema.method import Method
from gateway.core.suggestions import QUOTED_CHARS, other_way

MAX_PARAMETERS = 1000
FORM = re.compile(rb"\w[\w.]*=", re.ASCII)
"""The beginning of a form, as which no JSON can begin."""
KNOWN_BY = ("name", "id")
"""Fields by which most objects are known."""
WORDS = re.compile(r"[\w.-]+(?:,[\w.-]+)+")
"""What people write for several values; no name or id has a comma. Patterns may have one."""
EMPTY_DESCRIPTOR = Empty.DESCRIPTOR


def body_of(
    descriptor: Descriptor,
    parameters: Iterable[tuple[str, str]],
    named: Container[str] = (),
) -> bytes:
    """Unknown names are kept. `named` are paths of objects for which a name or an id will do.

    Raises GatewayError (INVALID_ARGUMENT) for fields without a form in query strings: maps, lists
    of messages, whole objects.
    """
    body: Json = {}
    for number, (name, text) in enumerate(parameters):
        if number >= MAX_PARAMETERS:
            raise bad(name, f"more than {MAX_PARAMETERS} parameters; send them in a body (POST)")
        put(body, descriptor, name, text, named)
    return orjson.dumps(body)


def form_as_json(method: Method, content: bytes) -> bytes | None:
    """The JSON of a form, as `curl -d job=demo` sends it; None if the body is none.

    It says what a query string says: paths of fields, with texts.
    """
    if FORM.match(content) is None:
        return None
    fields = parsed(content, strict=True)
    try:
        if not method.reads_only:
            check_change(method, fields)
            check_sizes(method, fields)
        return body_of(method.descriptor.input_type, fields, Planners.of(method).objects)
    except GatewayError as error:
        raise GatewayError(error.code, error.message.removeprefix("?")) from None


def check_change(method: Method, fields: Iterable[tuple[str, str]]) -> None:
    """Raises GatewayError (INVALID_ARGUMENT) for a form's texts that nobody means."""
    xml = XmlField.of(method).place
    for name, text in fields:
        if not text:  # of a variable that is not set: without it, a change is of more
            raise bad(name, "it is empty; leave it out, or send JSON")
        if "<" not in text and xml is not None and name in xml.json:
            file = text[:QUOTED_CHARS]
            command = f"curl: --data-urlencode {name}@{file.removeprefix('@')}"
            raise bad(name, f"expected XML, got {file!r}; {command}")


def put(
    body: Json, descriptor: Descriptor, name: str, text: str, named: Container[str] = ()
) -> None:
    if problem := too_many_parts(name):
        raise bad(name, problem)
    *above, last = name.split(".")
    at, known = body, descriptor
    for part in above:
        at, known = inner(at, known, name, part)
    field = field_called(known, last)
    of_objects = field is not None and is_message(field) and not is_special(message_of(field))
    if field is not None and of_objects and not field.is_repeated:
        if text.startswith("{"):
            put_object(at, last, name, text)
            return
        only = only_list_of(message_of(field))
        if only is not None:
            put(body, descriptor, f"{name}.{only}", text)
            return
    if of_objects and name not in named:
        assert field is not None
        fields, message = fields_of(message_of(field)), message_of(field)
        known_by = next((each for each in KNOWN_BY if has_text(message, each)), None)
        example = f": write {name}.{known_by}={text[:QUOTED_CHARS]}" if known_by else ""
        problem = f"is an object; name its fields by path{example}, or send it as JSON"
        raise bad(name, f"{problem}{fields}")
    value = json_of_text(field, text)
    if field is not None and field.is_repeated and WORDS.fullmatch(text):
        each = "&".join(f"{name}={word}" for word in text.split(",")[:2])
        raise bad(name, f"it is a list; several values are several parameters: {each}")
    if last not in at:
        at[last] = [value] if field is not None and field.is_repeated else value
    elif field is None or field.is_repeated:
        at[last] = [*as_list(at[last]), value]
    else:
        raise bad(name, "it is there twice")


def put_object(at: Json, last: str, name: str, text: str) -> None:
    """The object whose JSON is a parameter: `req={}`. It stays a text, which is read with the rest
    of the body.
    """
    if last in at:
        parts = isinstance(at[last], dict)
        problem = "fields of it are given, too; send one or the other"
        raise bad(name, problem if parts else "it is there twice")
    content = text.encode()
    try:
        parse(content)
    except GatewayError as error:
        raise bad(name, error.message.removeprefix("the body: ")) from None
    at[last] = orjson.Fragment(content)


def inner(at: Json, known: Descriptor, name: str, part: str) -> tuple[Json, Descriptor]:
    """The nested object and its type, which is Empty for an unknown field."""
    field = field_called(known, part)
    if field is not None and not is_object(field):
        raise bad(name, f"{part[:QUOTED_CHARS]} cannot be set in parts; send it in a body (POST)")
    found = at.setdefault(part, {})
    if not isinstance(found, dict):
        raise bad(name, f"{part[:QUOTED_CHARS]} is given as a whole, too")
    return found, EMPTY_DESCRIPTOR if field is None else message_of(field)


def as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def bad(name: str, problem: str) -> GatewayError:
    return GatewayError(Code.INVALID_ARGUMENT, f"?{name[:QUOTED_CHARS]}: {problem}")


def refused(parameter: str, problem: str) -> GatewayError:
    return GatewayError(Code.INVALID_ARGUMENT, f"{parameter}: {problem}")


class Query(NamedTuple):
    form: AnswerForm | None = None
    """None for the whole answer in JSON."""
    body: bytes | None = None
    unread: tuple[str, ...] = ()
    asked: object | None = None
    """What an exchange has read that is asked for by options; of a type of its own."""


NO_QUERY = Query()


def parsed(query: bytes, *, strict: bool) -> list[tuple[str, str]]:
    """Raises GatewayError (INVALID_ARGUMENT) for invalid UTF-8; unless `strict`, it is replaced."""
    errors = "strict" if strict else "replace"
    try:
        return parse_qsl(
            query.decode(errors=errors),
            keep_blank_values=True,
            max_num_fields=MAX_PARAMETERS,
            errors=errors,
        )
    except UnicodeDecodeError:
        problem = "the query string is not percent-encoded UTF-8"
    except ValueError:
        problem = f"the query string has more than {MAX_PARAMETERS} parameters"
    raise GatewayError(Code.INVALID_ARGUMENT, problem)


def check_no_arguments(method: Method, parameters: Iterable[tuple[str, str]]) -> None:
    """Raises GatewayError (INVALID_ARGUMENT) for a POST's argument in its query string, where it
    would be ignored: without the one that says which, a call is about all.
    """
    kind = method.descriptor.input_type
    lasts = {each.rpartition(".")[2].lower() for each in arguments_of(method)}
    for name, text in parameters:
        plain = name.rpartition(".")[2].replace("_", "").lower()
        is_field = field_called(kind, name.partition(".")[0]) is not None
        if (
            is_field
            or name in Planners.of(method).documented
            or plain in lasts
            or f"{plain}s" in lasts
        ):
            name, text = name[:QUOTED_CHARS], text[:QUOTED_CHARS]
            raise bad(name, f"arguments of a POST are in its body (curl: -d '{name}={text}')")


def unread(parameters: list[tuple[str, str]], policy: UnknownFieldPolicy) -> tuple[str, ...]:
    """`?name` for the first unknown ones.

    Raises GatewayError (INVALID_ARGUMENT) by policy, and always for what is to be asked for in
    another way: a call without it may be another one than is meant.
    """
    for name, _ in parameters:
        if way := other_way(name):
            raise bad(name, f"nothing reads it here{way}")
    if parameters and policy is UnknownFieldPolicy.EVERYTHING:
        raise GatewayError(
            Code.INVALID_ARGUMENT,
            f"{parameters[0][0][:QUOTED_CHARS]!r} is in the query string, where nothing reads it;"
            " arguments of a POST are in its body",
        )
    return tuple(f"?{name}" for name, _ in parameters[:IGNORED_REPORTED])
