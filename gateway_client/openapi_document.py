"""A gateway's OpenAPI document: methods, and the fields of requests."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from gateway_client.arguments import Field, Fields, Kind
from gateway_client.errors import CallError

DOCUMENT = "/openapi.json"
COMPONENT = "#/components/schemas/"
REPEATABLE = {"$ref": "#/components/parameters/Idempotency-Key"}
"""The parameter of a change that is made once, however often it is sent."""
OF_ROWS = {"$ref": "#/components/parameters/_limit"}
"""A parameter of methods whose answers have rows."""
INPUT = "-Input"
"""The end of a request schema's name, if it differs from that of answers."""

Json = Mapping[str, Any]
MOST_LEVELS = 4
"""Levels of objects in a row whose numbers have units."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    path: str
    aliases: tuple[str, ...]
    request: Json
    """A JSON Schema, like the response."""
    response: Json
    summary: str
    """What it does, in one line; perhaps empty."""
    comment: str
    """The summary, and all that is said beside it."""
    sets: tuple[str, ...]
    """The names of the value, if it is a setter."""
    named: Mapping[str, Sequence[str]]
    """The objects, and ids, in requests for which a name will do, with what finds them."""
    reads_only: bool
    repeats: bool
    """Whether it can be called again without harm: it reads, or takes an Idempotency-Key."""
    has_rows: bool
    """Whether its answer is a list, of which a view can choose."""
    columns: Mapping[str, Json]
    """What views may have beside the fields of a row, by name: schemas."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """The methods that a token may call at a gateway."""

    url: str
    methods: tuple[Operation, ...]
    operations: Mapping[str, Operation]
    """The methods by all of their paths."""
    schemas: Mapping[str, Json]

    def fields(self, operation: Operation) -> Fields:
        return self._fields(operation.request)

    def units(self, operation: Operation) -> Mapping[str, str]:
        """The units of numbers in a method's answer, by path in a row; without rows, in its only
        object or in the answer itself.
        """
        values = [*self._values(self._row(operation.response)), *operation.columns.items()]
        return {path: each["x-unit"] for path, each in values if "x-unit" in each}

    def paths(self, operation: Operation) -> list[str]:
        """The paths of values in a row, as in `units`."""
        fields = self._values(self._row(operation.response))
        return [*(path for path, _ in fields), *operation.columns]

    def _row(self, schema: Json) -> Json:
        for _ in range(2):
            fields = [*self.resolved(schema).get("properties", {}).values()]
            lists = [each for each in fields if "array" in types_of(each)]
            if len(lists) == 1 and "properties" in self.resolved(lists[0].get("items", {})):
                return lists[0]["items"]  # type: ignore[no-any-return]
            if len(fields) != 1 or "properties" not in self.resolved(fields[0]):
                break
            schema = fields[0]
        return schema

    def _values(
        self, schema: Json, prefix: str = "", levels: int = MOST_LEVELS
    ) -> Iterator[tuple[str, Json]]:
        """Fields that are no objects, by path."""
        for name, each in self.resolved(schema).get("properties", {}).items():
            if "properties" not in self.resolved(each):
                yield f"{prefix}{name}", each
            elif levels > 1:
                yield from self._values(each, f"{prefix}{name}.", levels - 1)

    def resolved(self, schema: Json) -> Json:
        """The schema behind a reference, or behind a choice of a reference and null."""
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
            return (
                Field(Kind.OBJECT, fields=self._fields(schema)) if has_fields else Field(Kind.WHOLE)
            )
        return Field(Kind.SWITCH if "boolean" in types else Kind.TEXT)


def types_of(schema: Json) -> tuple[str, ...]:
    types = schema.get("type", ())
    return (types,) if isinstance(types, str) else tuple(types)


def read_document(content: bytes, url: str) -> Document:
    """The document in this JSON. Raises CallError (UNKNOWN) if it is no gateway's."""
    try:
        whole = orjson.loads(content)
        methods = tuple(
            Operation(
                path=path,
                aliases=tuple(operation.get("x-aliases", ())),
                request=content_of(operation["requestBody"]),
                response=content_of(operation["responses"]["200"]),
                summary=str(operation.get("summary", "")),
                comment=comment_of(operation),
                sets=tuple(operation.get("x-sets", ())),
                named=operation.get("x-named", {}),
                reads_only="get" in item,
                repeats="get" in item or REPEATABLE in operation.get("parameters", ()),
                has_rows=OF_ROWS in operation.get("parameters", ()),
                columns=operation.get("x-columns", {}),
            )
            for path, item in whole["paths"].items()
            if path.count("/") > 1 and (operation := item.get("post")) is not None
        )
        return Document(
            url=url,
            methods=methods,
            operations={path: each for each in methods for path in (each.path, *each.aliases)},
            schemas=whole["components"]["schemas"],
        )
    except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError):
        raise CallError("UNKNOWN", f"{url} is not a cuebot-gateway's document") from None


def json_name(name: str) -> str:
    """The JSON name of a field: `minCores` for `min_cores`."""
    first, *words = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in words)


def comment_of(operation: Json) -> str:
    """The description of a method, without the list of its other paths."""
    about = str(operation.get("description", "")).split("\n\n")
    text = "\n\n".join(part for part in about if not part.startswith("Also served as "))
    summary = str(operation.get("summary", ""))
    return text if text.startswith(summary) else "\n\n".join(filter(None, (summary, text)))


def content_of(message: Json) -> Json:
    schema: Json = message["content"]["application/json"]["schema"]
    return schema
