"""GET operations: the fields of a request, and of a view, as parameters of the query string."""

from collections.abc import Container, Iterator

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from gateway.codec.fields import is_map, is_message, message_of
from gateway.codec.wellknown import WRAPPERS, is_object
from gateway.openapi import shared
from gateway.openapi.components import Components
from gateway.openapi.examples import LOOKED_UP_BY
from gateway.openapi.values import Json
from gateway.schema.method import Method

MAX_DEPTH = 4
TEXTS = ("google.protobuf.Timestamp", "google.protobuf.Duration", "google.protobuf.FieldMask")
"""Types whose JSON is a text."""


def view_parameters(method: Method) -> list[Json]:
    """What any request may say of the answer that it wants to see."""
    names = shared.VIEW if method.views.rows is None else (*shared.VIEW, *shared.ROWS_VIEW)
    return list(shared.references("parameters", names).values())


def view_content(method: Method, schema: Json) -> Json:
    """The content of an answer in all formats that there are."""
    content = shared.json_of(schema)
    if method.views.rows is not None:
        text = {"schema": {"type": "string"}}
        content |= {"application/x-ndjson": text, "text/csv": text}
    return content


def get_operation(
    post: Json, method: Method, messages: Components, returned: Container[str]
) -> Json:
    """The GET of a method that only reads, made from its POST."""
    responses = dict(post["responses"])
    success = responses["200"]
    more = shared.references("headers", shared.OF_READS)
    responses["200"] = {**success, "headers": success["headers"] | more}
    responses["304"] = {
        "description": "The answer is still the one that the client has.",
        "headers": shared.references("headers", shared.OF_ANY) | more,
    }
    operation = {key: value for key, value in post.items() if key != "requestBody"}
    return {
        **operation,
        "operationId": f"{post['operationId']}.get",
        "parameters": [
            *query_parameters(method.descriptor.input_type, messages, returned),
            *post["parameters"],
            *shared.references("parameters", shared.CONDITIONS).values(),
        ],
        "responses": responses,
    }


def query_parameters(
    descriptor: Descriptor, messages: Components, returned: Container[str], above: str = ""
) -> Iterator[Json]:
    """A parameter for each field that a query string can set, down through the request.

    Of an object that Cuebot has returned, it reads only what the object is looked up by.
    """
    looked_up = descriptor.full_name in returned
    for field in descriptor.fields:
        if looked_up and field.name not in LOOKED_UP_BY:
            continue
        name = f"{above}{field.json_name}"
        if can_be_text(field):
            yield {"name": name, "in": "query", "schema": messages.value(field)}
        elif is_object(field) and name.count(".") < MAX_DEPTH:
            yield from query_parameters(message_of(field), messages, returned, f"{name}.")


def can_be_text(field: FieldDescriptor) -> bool:
    """Whether a parameter can have the field's value, or several parameters those of a list."""
    if is_map(field):
        return False
    return not is_message(field) or message_of(field).full_name in (*TEXTS, *WRAPPERS)
