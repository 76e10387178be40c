"""A gateway's OpenAPI document, for commands that have no Cuebot to ask."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from gateway.codec.fields import json_name
from gateway.errors import Code, GatewayError
from gateway_cli.client.arguments import Field, Fields, Kind

DOCUMENT = "/openapi.json"
COMPONENT = "#/components/schemas/"
INPUT = "-Input"
"""What the names of requests' schemas end in that differ from those of answers."""

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method."""

    path: str
    """Its native path."""
    aliases: tuple[str, ...]
    """Its other paths."""
    request: Json
    """The JSON Schema of its requests."""
    response: Json
    comment: str
    """What is said of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a gateway says of the methods that may be called with a token."""

    url: str
    """Where it comes from."""
    version: str
    methods: tuple[Operation, ...]
    operations: Mapping[str, Operation]
    """By each of their paths."""
    schemas: Mapping[str, Json]

    def fields(self, operation: Operation) -> Fields:
        """The fields of its requests."""
        return self._fields(operation.request)

    def resolved(self, schema: Json) -> Json:
        """The schema itself in the place of a reference to it, or of a choice of it and null."""
        for choice in schema.get("anyOf", ()):
            if "$ref" in choice:
                schema = choice
        name = str(schema.get("$ref", ""))
        return self.schemas.get(name.removeprefix(COMPONENT), {}) if name else schema

    def _fields(self, schema: Json) -> Fields:
        properties = self.resolved(schema).get("properties", {})

        def find(name: str) -> Field | None:
            found = properties.get(name) or properties.get(json_name(name))
            return None if found is None else self._field(found)

        return find

    def _field(self, schema: Json) -> Field:
        schema = self.resolved(schema)
        types = types_of(schema)
        if "array" in types:
            kind = self._field(schema.get("items", {})).kind
            whole = kind in (Kind.OBJECT, Kind.WHOLE)
            return Field(Kind.WHOLE) if whole else Field(kind, is_list=True)
        if "object" in types:
            has_fields = "properties" in schema
            return Field(Kind.OBJECT, fields=self._fields(schema)) if has_fields else MAP
        return Field(Kind.SWITCH if "boolean" in types else Kind.TEXT)


MAP = Field(Kind.WHOLE)


def types_of(schema: Json) -> tuple[str, ...]:
    """What `type` says, which may be one or several."""
    types = schema.get("type", ())
    return (types,) if isinstance(types, str) else tuple(types)


def read_document(content: bytes, url: str) -> Document:
    """The document in this JSON. Raises GatewayError (UNKNOWN) if it is none of a gateway."""
    try:
        whole = orjson.loads(content)
        methods = tuple(
            Operation(
                path=path,
                aliases=tuple(operation.get("x-aliases", ())),
                request=content_of(operation["requestBody"]),
                response=content_of(operation["responses"]["200"]),
                comment=comment_of(operation),
            )
            for path, item in whole["paths"].items()
            if (operation := item.get("post")) is not None
        )
        return Document(
            url=url,
            version=str(whole["info"]["version"]),
            methods=methods,
            operations={path: each for each in methods for path in (each.path, *each.aliases)},
            schemas=whole["components"]["schemas"],
        )
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        raise GatewayError(Code.UNKNOWN, f"{url} is not a cuebot-gateway's document") from None


def comment_of(operation: Json) -> str:
    """The comment of a method, and what its requests may have besides; not its other paths."""
    about = str(operation.get("description", "")).split("\n\n")
    text = "\n\n".join(part for part in about if not part.startswith("Also served as "))
    summary = str(operation.get("summary", ""))
    return text if text.startswith(summary) else "\n\n".join(filter(None, (summary, text)))


def content_of(message: Json) -> Json:
    """The JSON Schema of a request or an answer."""
    schema: Json = message["content"]["application/json"]["schema"]
    return schema
