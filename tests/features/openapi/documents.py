"""OpenAPI documents for tests, and validators of their schemas."""

from collections.abc import Container, Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from gateway.core.schema.catalog import Catalog
from gateway.core.schema.description import Schema
from gateway.core.schema.selection import Selection
from gateway.features import FEATURES
from gateway.features.catalog import build_catalog
from gateway.features.openapi import document as openapi
from gateway.features.openapi.parts import Json, Parts
from gateway.features.openapi.schemas import Components
from tests.support.opencue import catalog
from tests.support.protos import TestSchema

PARTS = Parts(FEATURES)


def build_document(
    catalog: Catalog, *, closed: bool, allowed: Container[str] | None = None
) -> Json:
    return openapi.build_document(catalog, PARTS, closed=closed, allowed=allowed)


@cache
def document() -> Json:
    return build_document(catalog(), closed=True)


def document_of(schema: Schema) -> Json:
    return build_document(build_catalog(schema, Selection()), closed=True)


def operations(found: Json) -> Iterator[tuple[str, Json]]:
    """The methods' POSTs."""
    for path, item in found["paths"].items():
        if path not in PARTS.text["paths"]:
            yield path, item["post"]


class Everything:
    def __contains__(self, name: object) -> bool:
        return True


def components_of(schema: TestSchema) -> Components:
    """The schemas of a pool's messages, none of them created yet."""
    return Components({}, Everything(), schema.encoders.aliases, closed=True)


def validator(schema: Json, components: Json) -> Draft202012Validator:
    """A validator that also refuses properties that the schema does not name."""
    if "$ref" in schema:
        schema = {"$ref": schema["$ref"], "components": {"schemas": strict(components)}}
    return Draft202012Validator(schema)


def strict(components: Json) -> Json:
    """The components without room for other properties, except for extensions."""
    closed = {"additionalProperties": False, "patternProperties": {r"^\[": {}}}
    return {
        name: {**schema, **closed} if schema.get("type") == "object" else schema
        for name, schema in components.items()
    }


def response_schema(operation: Json, status: int) -> Any:
    response = operation["responses"][str(status)]
    if "$ref" in response:
        response = document()["components"]["responses"][str(status)]
    return response["content"]["application/json"]["schema"]
