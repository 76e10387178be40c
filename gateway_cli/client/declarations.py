"""A gateway's OpenAPI document, and the declarations of messages, enums and services in it.

Declarations have JSON names, and no numbers of fields.
"""

import asyncio
import re
from collections.abc import Iterator, Mapping
from textwrap import wrap
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto as ProtoField
from google.protobuf.descriptor_pb2 import FileDescriptorProto

from gateway.core.codec.wellknown import JSON_SCHEMAS
from gateway.core.schema.description import commentable
from gateway.core.settings.model import Settings
from gateway_cli.client.cuebot import DISCOVERY_TIMEOUT_SECONDS
from gateway_cli.common_options import Way
from gateway_cli.tokens import token_source
from gateway_client.errors import CallError
from gateway_client.gateway import gateway_client
from gateway_client.openapi_document import (
    COMPONENT,
    DOCUMENT,
    INPUT,
    Document,
    Json,
    Operation,
    types_of,
)

SCALARS: Mapping[tuple[str, str], ProtoField.Type.ValueType] = {
    ("boolean", ""): ProtoField.TYPE_BOOL,
    ("integer", "int32"): ProtoField.TYPE_INT32,
    ("integer", "uint32"): ProtoField.TYPE_UINT32,
    ("string", "int64"): ProtoField.TYPE_INT64,
    ("string", "uint64"): ProtoField.TYPE_UINT64,
    ("number", "float"): ProtoField.TYPE_FLOAT,
    ("number", "double"): ProtoField.TYPE_DOUBLE,
    ("string", "byte"): ProtoField.TYPE_BYTES,
}
"""Field types by type and format in JSON Schema; all others are strings."""
ABOUT = ("description", "deprecated")
"""The parts of a field's schema that are not about its type."""
VALUE = re.compile(r"- `(\w+)` = (-?\d+)(?:: (.*))?")
"""A value of an enum in the description of its schema."""
COMMENT_COLUMNS = 90


def served_document(way: Way, settings: Settings) -> Document:
    """The OpenAPI document of a gateway.

    Raises CallError (FAILED_PRECONDITION without a document), and ConfigurationError.
    """

    url, token = str(way.url), token_source(settings, way.token, way.sub)

    async def fetch() -> Document | None:
        async with gateway_client(url, token, DISCOVERY_TIMEOUT_SECONDS) as client:
            return await client.document()

    document = asyncio.run(fetch())
    if document is None:
        raise CallError(
            "FAILED_PRECONDITION",
            f"{url} has no {DOCUMENT}: DOCS is off there, or it is no cuebot-gateway; ask Cuebot"
            " itself (--direct, CUEBOT_ENDPOINT)",
        )
    return document


def files_of(document: Document) -> list[FileDescriptorProto]:
    """The document's messages, enums and services, in a file for each package."""
    return Declared(document).files()


class Declared:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._files: dict[str, FileDescriptorProto] = {}
        self._comments: dict[str, str] = {}
        self._schemas: dict[str, Json] = {}
        """Schemas by the name of their type; those of answers are preferred."""
        for name, schema in document.schemas.items():
            plain = name.removesuffix(INPUT)
            if "-" not in plain and (name == plain or plain not in document.schemas):
                self._schemas[plain] = schema

    def files(self) -> list[FileDescriptorProto]:
        messages: dict[str, Any] = {}
        for name in sorted(self._schemas):  # outer types come before inner ones
            schema = self._schemas[name]
            outer, _, short = name.rpartition(".")
            nested = outer in messages
            place: Any = messages[outer] if nested else self._file(outer)
            if "anyOf" in schema:
                self._enum(place.enum_type.add(name=short), name, schema)
            else:
                kind = place.nested_type if nested else place.message_type
                messages[name] = kind.add(name=short)
                self._message(messages[name], name, schema)
        for operation in self._document.methods:
            self._method(operation)
        for file in self._files.values():
            put_comments(self._comments, file)
        return list(self._files.values())

    def _file(self, package: str) -> FileDescriptorProto:
        if package not in self._files:
            self._files[package] = FileDescriptorProto(package=package, syntax="proto3")
        return self._files[package]

    def _method(self, operation: Operation) -> None:
        service, _, name = operation.path[1:].partition("/")
        package, _, short = service.rpartition(".")
        file = self._file(package)
        found = [each for each in file.service if each.name == short]
        owner = found[0] if found else file.service.add(name=short)
        owner.method.add(
            name=name,
            input_type=type_named(operation.request),
            output_type=type_named(operation.response),
        )
        self._comments[f"{service}.{name}"] = operation.comment

    def _enum(self, enum: Any, name: str, schema: Json) -> None:
        lines = schema.get("description", "").split("\n")
        values = {found[1]: found for line in lines if (found := VALUE.fullmatch(line))}
        self._comments[name] = "\n".join(line for line in lines if not VALUE.fullmatch(line))
        for value in (text for choice in schema["anyOf"] for text in choice.get("enum", ())):
            if found := values.get(value):
                enum.value.add(name=value, number=int(found[2]))
                self._comments[f"{name}.{value}"] = found[3] or ""

    def _message(self, message: Any, name: str, schema: Json) -> None:
        self._comments[name] = schema.get("description", "")
        for number, (field, about) in enumerate(schema.get("properties", {}).items(), start=1):
            self._comments[f"{name}.{field}"] = about.get("description", "")
            self._field(message, message.field.add(name=field, number=number), name, about)

    def _field(self, message: Any, field: Any, owner: str, schema: Json) -> None:
        field.label = ProtoField.LABEL_OPTIONAL
        if "array" in types_of(schema) and not well_known(schema):
            field.label = ProtoField.LABEL_REPEATED
            schema = schema["items"]
        if "additionalProperties" in schema and not well_known(schema):
            entry = message.nested_type.add(name=f"{field.name}Entry")
            entry.options.map_entry = True
            entry.field.add(name="key", number=1, type=ProtoField.TYPE_STRING)
            self._field(
                message, entry.field.add(name="value"), owner, schema["additionalProperties"]
            )
            field.label, field.type = ProtoField.LABEL_REPEATED, ProtoField.TYPE_MESSAGE
            field.type_name = f".{owner}.{entry.name}"
            return
        name = type_named(schema)
        if name:
            is_enum = "anyOf" in self._schemas.get(name[1:], {})
            field.type = ProtoField.TYPE_ENUM if is_enum else ProtoField.TYPE_MESSAGE
            field.type_name = name
            return
        types, format_ = types_of(schema), str(schema.get("format", ""))
        fitting = (SCALARS[each, format_] for each in types if (each, format_) in SCALARS)
        field.type = next(fitting, ProtoField.TYPE_STRING)


def type_named(schema: Json) -> str:
    """The full name, after a dot, of a schema's type; empty for a scalar."""
    for choice in (schema, *schema.get("anyOf", ())):
        if "$ref" in choice:
            return f".{choice['$ref'].removeprefix(COMPONENT).removesuffix(INPUT)}"
    found = well_known(schema)
    return f".{found}" if found else ""


def well_known(schema: Json) -> str:
    """The name of a schema's well-known type, or an empty string."""
    types = [each for each in types_of(schema) if each != "null"]
    bare = {key: value for key, value in schema.items() if key not in (*ABOUT, "type")}
    for name, known in JSON_SCHEMAS.items():
        rest = {key: value for key, value in known.items() if key != "type"}
        if rest == bare and list(types_of(known)) == types and (types or not schema):
            return name
    return ""


def put_comments(comments: Mapping[str, str], file: FileDescriptorProto) -> None:
    """Add comments, by full name, to a file that has none on these declarations and fields."""
    for name, path in commentable(file):
        if lines := list(wrapped(comments.get(name, ""))):
            text = "".join(f" {line}".rstrip() + "\n" for line in lines)
            file.source_code_info.location.add(path=path, leading_comments=text)


def wrapped(text: str) -> Iterator[str]:
    for line in text.strip().split("\n") if text.strip() else ():
        yield from wrap(line, COMMENT_COLUMNS) or [""]
