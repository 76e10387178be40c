"""What all methods share: parameters, headers, errors and the bearer scheme; the health checks."""

from collections.abc import Iterable, Mapping

from gateway.errors import HTTP_STATUS, Code
from gateway.openapi.values import Json, reference

ERROR = "gateway-Error"
DRY_RUN = "gateway-DryRun"
READINESS = "gateway-Readiness"
"""Schemas of the gateway's own. No message has such a name: names in protos have no dashes."""

ERRORS: Mapping[int, str] = {
    400: "The body is not JSON or does not fit, a header is wrong, or Cuebot refuses an argument.",
    401: "There is no bearer token, or it is not a JWT.",
    403: "The token is not valid, or Cuebot does not permit the call.",
    404: "Cuebot cannot find what was asked for.",
    408: "The headers or the body did not arrive in time.",
    409: "It already exists, or Cuebot aborted the call.",
    413: "The decompressed body is too large.",
    415: "The content type is not JSON, or the content encoding is neither gzip nor zstd.",
    429: "The rate limit is exceeded.",
    431: "The headers are too large.",
    499: "Cuebot cancelled the call.",
    500: "Cuebot or the gateway failed.",
    501: "Cuebot does not implement the method.",
    502: "Cuebot's response is too large.",
    503: "Cuebot cannot be reached, its schema is not known yet, or the gateway is busy.",
    504: "The call exceeded its deadline.",
}
"""What each error status of a POST to a method's path means."""

TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": "integer"}
OBJECTS: Json = {"type": "array", "items": {"type": "object"}}


def described(description: str, schema: Json) -> Json:
    """A header or a parameter with values of this schema."""
    return {"description": description, "schema": schema}


HEADERS: Mapping[str, Json] = {
    "X-Request-ID": described("The id of this request: the client's own if it was valid.", TEXT),
    "X-Schema": described("The first digits of the digest of the schema that was used.", TEXT),
    "Server-Timing": described(
        "Time spent in Cuebot, in the gateway and waiting, in milliseconds.", TEXT
    ),
    "X-Ignored-Fields": described(
        "Request fields that were ignored, percent-encoded and separated by commas, with `...` at"
        " the end if there were more.",
        TEXT,
    ),
    "X-Dry-Run": described("The call was not made.", {"type": "string", "enum": ["1"]}),
    "X-RateLimit-Limit": described(
        "The number of requests that the client may make at once.", NUMBER
    ),
    "X-RateLimit-Remaining": described("The number of requests that are left.", NUMBER),
    "X-RateLimit-Reset": described(
        "The Unix time at which the whole number is available again.", NUMBER
    ),
    "Retry-After": described("Seconds to wait before trying again.", NUMBER),
    "WWW-Authenticate": described("The authentication scheme that is required.", TEXT),
}
"""Headers of responses, none of which is in all of them."""
COUNTED = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")
USUAL = ("X-Request-ID", "Server-Timing", "X-Schema")
OF_SUCCESS = (*USUAL, "X-Ignored-Fields", "X-Dry-Run", *COUNTED)
OF_ERROR = (*USUAL, *COUNTED)
OF_STATUS: Mapping[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    408: (),
    429: ("Retry-After",),
    503: ("Retry-After",),
}

PARAMETERS: Mapping[str, Json] = {
    "X-Dry-Run": described(
        f"With `1` the call is not made, and the response is a `{DRY_RUN}` in place of the"
        " method's own, with an `X-Dry-Run` header.",
        {"type": "string", "pattern": "^[01]$"},
    ),
    "Grpc-Timeout": described(
        "A deadline shorter than the gateway's own, such as `5S` or `100m`.",
        {"type": "string", "pattern": "^[0-9]{1,8}[HMSmun]$"},
    ),
    "X-Request-ID": described(
        "An id for this request, which is logged and sent to Cuebot.",
        {"type": "string", "pattern": "^[A-Za-z0-9._~:/+=@-]{1,128}$"},
    ),
}
"""Headers of requests."""

SCHEMAS: Mapping[str, Json] = {
    ERROR: {
        "type": "object",
        "description": "The body of every error response.",
        "properties": {
            "error": {
                "type": "string",
                "description": "The name of the gRPC status.",
                "enum": [code.name for code in Code if code is not Code.OK],
            },
            "code": {
                "type": "integer",
                "description": "The number of the gRPC status.",
                "minimum": 1,
                "maximum": int(max(Code)),
            },
            "message": {"type": "string"},
            "details": {"description": "Details from Cuebot, if it sent any.", **OBJECTS},
        },
        "required": ["error", "code", "message"],
        "examples": [{"error": "NOT_FOUND", "code": 5, "message": "there is no such job"}],
    },
    DRY_RUN: {
        "type": "object",
        "description": "The response to `X-Dry-Run: 1`: what would be sent to Cuebot.",
        "properties": {
            "dryRun": {"type": "boolean", "const": True},
            "method": {"type": "string", "description": "The native path of the method."},
            "ignoredFields": {"type": "array", "items": {"type": "string"}},
            "requestBytes": {"type": "integer", "description": "The size of the message."},
            "request": {"description": "The message as Cuebot would read it, including defaults."},
            "before": {"description": "The calls that would be made first, if any.", **OBJECTS},
            "after": {"description": "The calls that would be made afterwards, if any.", **OBJECTS},
        },
        "required": ["dryRun", "method", "ignoredFields", "requestBytes", "request"],
    },
    READINESS: {
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": ["ok", "unavailable", "stopping"]},
            "cuebot": {"type": "string", "enum": ["reachable", "unreachable"]},
            "endpoints": {
                "type": "object",
                "description": "How many Cuebots can be called, if there are several.",
                "properties": {"usable": {"type": "integer"}, "of": {"type": "integer"}},
                "required": ["usable", "of"],
            },
            "schema": {"type": "string", "enum": ["none", "assumed", "confirmed"]},
            "schemas": {"type": "string", "enum": ["differ"]},
            "refresh": {"type": "string", "enum": ["failing"]},
        },
        "required": ["status", "cuebot", "schema"],
    },
}

BEARER: Json = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "A JSON Web Token with `sub` and `exp`, signed with the gateway's secret."
    " `cuebot-gateway token` creates one.",
}


def components() -> Json:
    """The components that do not depend on Cuebot's schema."""
    return {
        "schemas": dict(SCHEMAS),
        "responses": {str(status): error(status) for status in ERRORS},
        "headers": dict(HEADERS),
        "parameters": {
            name: {"name": name, "in": "header", **parameter}
            for name, parameter in PARAMETERS.items()
        },
        "securitySchemes": {"bearer": BEARER},
    }


def error(status: int) -> Json:
    """The response with this status."""
    names = ", ".join(code.name for code, usual in HTTP_STATUS.items() if usual == status)
    return {
        "description": f"{ERRORS[status]}" + f" ({names})" * bool(names),
        "headers": references("headers", (*OF_ERROR, *OF_STATUS.get(status, ()))),
        "content": json_of(reference(ERROR)),
    }


def references(kind: str, names: Iterable[str]) -> Json:
    """References to components of one kind, by name."""
    return {name: {"$ref": f"#/components/{kind}/{name}"} for name in names}


def json_of(schema: Json, **more: object) -> Json:
    """The content of a request or response body in JSON."""
    return {"application/json": {"schema": schema, **more}}


def health_paths() -> Json:
    """`/healthz` and `/readyz`, which need no token."""
    alive = {
        "type": "object",
        "properties": {"status": {"type": "string", "const": "ok"}},
        "required": ["status"],
    }
    ready = {"200": "Ready.", "503": "Not ready."}
    return {
        "/healthz": health("healthz", "The process is alive.", alive, {"200": "Alive."}),
        "/readyz": health("readyz", "A call would reach Cuebot.", reference(READINESS), ready),
    }


def health(name: str, summary: str, schema: Json, statuses: Mapping[str, str]) -> Json:
    """A check whose responses all have this schema. `statuses` has their descriptions."""
    headers = references("headers", ("X-Request-ID",))
    return {
        "get": {
            "operationId": name,
            "tags": ["health"],
            "summary": summary,
            "security": [],
            "responses": {
                status: {"description": text, "content": json_of(schema), "headers": headers}
                for status, text in statuses.items()
            },
        }
    }
