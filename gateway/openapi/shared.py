"""The parts of a document that do not depend on Cuebot's schema (`shared.yaml`)."""

from collections.abc import Iterable, Mapping
from importlib.resources import files
from typing import Any

import yaml

from gateway.errors import Code

Json = dict[str, Any]

ERROR = "gateway-Error"
DRY_RUN = "gateway-DryRun"

SHARED: Json = yaml.load(
    files("gateway.openapi").joinpath("shared.yaml").read_bytes(),
    Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader),  # noqa: S506 - as safe, and faster
)
ERRORS: Mapping[int, Json] = SHARED["errors"]
"""By the error status of a POST to a method: description, and headers."""
WELL_KNOWN: Mapping[str, Json] = SHARED["well_known"]
HEALTH_PATHS: Json = SHARED["paths"]
HEADERS: Json = SHARED["components"]["headers"]
PARAMETERS: Json = SHARED["components"]["parameters"]
OF_REQUESTS = ("X-Dry-Run", "Grpc-Timeout", "X-Request-ID")
CONDITIONS = ("If-None-Match", "Prefer")
VIEW = ("_fields",)
ROWS_VIEW = ("_where", "_sort", "_limit", "_format")

OF_ANY: Iterable[str] = SHARED["headers_of"]["any"]
OF_SUCCESS: Iterable[str] = (*OF_ANY, *SHARED["headers_of"]["success"])
OF_READS: Iterable[str] = SHARED["headers_of"]["reads"]


def components(schemas: Json) -> Json:
    """All components, with these schemas."""
    return {
        **SHARED["components"],
        "schemas": SHARED["components"]["schemas"] | schemas,
        "responses": {str(status): error(status) for status in ERRORS},
    }


def error(status: int) -> Json:
    names = ", ".join(code.name for code in Code if code.http_status == status)
    about = ERRORS[status]
    return {
        "description": f"{about['description']}" + f" ({names})" * bool(names),
        "headers": references("headers", (*OF_ANY, *about.get("headers", ()))),
        "content": json_of(reference(ERROR)),
    }


def reference(component: str) -> Json:
    return {"$ref": f"#/components/schemas/{component}"}


def references(kind: str, names: Iterable[str]) -> Json:
    return {name: {"$ref": f"#/components/{kind}/{name}"} for name in names}


def json_of(schema: Json, **more: object) -> Json:
    return {"application/json": {"schema": schema, **more}}
