"""What is the same for every method: parameters, headers, errors, the bearer scheme."""

from collections.abc import Mapping

from gateway.errors import HTTP_STATUS, Code
from gateway.openapi.scalars import Json

ERROR = "gateway-Error"
DRY_RUN = "gateway-DryRun"
READINESS = "gateway-Readiness"
"""Names of schemas that are no message's: names in protos have no dashes."""

ERRORS: Mapping[int, str] = {
    400: "The body is not JSON or does not fit, or a header does not. Also from Cuebot.",
    401: "No bearer token, or not a JWT.",
    403: "A token that does not hold, or Cuebot does not permit it.",
    404: "Cuebot does not have the thing.",
    408: "The headers or the body did not arrive in time.",
    409: "Cuebot has it already, or has given up.",
    413: "The body, decompressed, is too large.",
    415: "The body cannot be JSON, or is encoded as neither gzip nor zstd.",
    429: "Over the rate limit.",
    431: "The headers are too large.",
    499: "Cuebot has cancelled the call.",
    500: "Cuebot failed, or the gateway did.",
    501: "Cuebot lacks the method.",
    502: "Cuebot's answer is too large.",
    503: "Cuebot cannot be reached, its schema is not known yet, or too much is in flight.",
    504: "The call took longer than its deadline.",
}
"""Status to what it means, for the answers that a POST to a method's path can get."""

HEADERS: Mapping[str, Json] = {
    "X-Request-ID": {
        "description": "The id of this request: the client's own, if it was sane.",
        "schema": {"type": "string"},
    },
    "X-Schema": {
        "description": "The first digits of the digest of the schema that was used.",
        "schema": {"type": "string"},
    },
    "Server-Timing": {
        "description": "Milliseconds with Cuebot, in the gateway, and of waiting.",
        "schema": {"type": "string"},
    },
    "X-Ignored-Fields": {
        "description": "Fields of the request that nothing was done with, percent-encoded, with"
        " commas; `...` at the end when there were more.",
        "schema": {"type": "string"},
    },
    "X-Dry-Run": {
        "description": "Nothing was called.",
        "schema": {"type": "string", "enum": ["1"]},
    },
    "X-RateLimit-Limit": {
        "description": "How many requests the client may make at once.",
        "schema": {"type": "integer"},
    },
    "X-RateLimit-Remaining": {
        "description": "How many of them are left.",
        "schema": {"type": "integer"},
    },
    "X-RateLimit-Reset": {
        "description": "The unix time at which all of them will be there again.",
        "schema": {"type": "integer"},
    },
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "schema": {"type": "integer"},
    },
    "WWW-Authenticate": {
        "description": "The scheme that is asked for.",
        "schema": {"type": "string"},
    },
}
"""Headers of answers. None of them is in all answers."""
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
    "X-Dry-Run": {
        "description": f"With `1` nothing is called. The answer is then a `{DRY_RUN}`, in the place"
        " of the method's own, and has a header `X-Dry-Run` as well.",
        "schema": {"type": "string", "pattern": "^[01]$"},
    },
    "Grpc-Timeout": {
        "description": "A shorter deadline than the gateway's own: `5S`, `100m`.",
        "schema": {"type": "string", "pattern": "^[0-9]{1,8}[HMSmun]$"},
    },
    "X-Request-ID": {
        "description": "An id for this request, which is logged, and sent to Cuebot.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._~:/+=@-]{1,128}$"},
    },
}
"""Headers of requests."""

SCHEMAS: Mapping[str, Json] = {
    ERROR: {
        "type": "object",
        "description": "What every answer is that is not a success.",
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
            "details": {
                "type": "array",
                "description": "The details that Cuebot sent, if it did.",
                "items": {"type": "object"},
            },
        },
        "required": ["error", "code", "message"],
        "examples": [{"error": "NOT_FOUND", "code": 5, "message": "there is no such job"}],
    },
    DRY_RUN: {
        "type": "object",
        "description": "The answer to `X-Dry-Run: 1`: what would be sent to Cuebot.",
        "properties": {
            "dryRun": {"type": "boolean", "const": True},
            "method": {"type": "string", "description": "The native path of the method."},
            "ignoredFields": {"type": "array", "items": {"type": "string"}},
            "requestBytes": {"type": "integer", "description": "The size on the wire."},
            "request": {
                "description": "The message as Cuebot would read it, defaults included.",
            },
            "before": {
                "type": "array",
                "description": "The calls that would come first, where there are some.",
                "items": {"type": "object"},
            },
            "after": {
                "type": "array",
                "description": "The calls that would follow.",
                "items": {"type": "object"},
            },
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
                "description": "How many of the Cuebots can be called, where there are several.",
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
    " `cuebot-gateway token` makes one.",
}


def components() -> Json:
    """The components that do not come from Cuebot's schema."""
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
    """The answer with this status."""
    names = ", ".join(code.name for code, usual in HTTP_STATUS.items() if usual == status)
    return {
        "description": f"{ERRORS[status]}" + f" ({names})" * bool(names),
        "headers": references("headers", (*OF_ERROR, *OF_STATUS.get(status, ()))),
        "content": json_of({"$ref": f"#/components/schemas/{ERROR}"}),
    }


def references(kind: str, names: tuple[str, ...]) -> Json:
    """By name: references to components of that kind."""
    return {name: {"$ref": f"#/components/{kind}/{name}"} for name in names}


def json_of(schema: Json, **more: object) -> Json:
    """The content of a JSON body or answer."""
    return {"application/json": {"schema": schema, **more}}


def health_paths() -> Json:
    """`/healthz` and `/readyz`, which need no token."""
    alive = {
        "type": "object",
        "properties": {"status": {"type": "string", "const": "ok"}},
        "required": ["status"],
    }
    ready = {"$ref": f"#/components/schemas/{READINESS}"}
    headers = references("headers", ("X-Request-ID",))
    return {
        "/healthz": {
            "get": health(
                "healthz",
                "The process lives.",
                {"200": {"description": "It does.", "content": json_of(alive), "headers": headers}},
            )
        },
        "/readyz": {
            "get": health(
                "readyz",
                "A call would reach Cuebot.",
                {
                    status: {"description": text, "content": json_of(ready), "headers": headers}
                    for status, text in (("200", "It would."), ("503", "It would not."))
                },
            )
        },
    }


def health(name: str, summary: str, responses: Json) -> Json:
    return {
        "operationId": name,
        "tags": ["health"],
        "summary": summary,
        "security": [],
        "responses": responses,
    }
