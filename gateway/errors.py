"""Errors: one type, one table of codes, one JSON format."""

from collections.abc import Mapping, Sequence
from enum import IntEnum
from typing import Literal

import orjson


class Code(IntEnum):
    """The gRPC status codes (https://grpc.io/docs/guides/status-codes/).

    Each has the HTTP status that grpc-gateway maps it to.
    """

    http_status: int

    def __new__(cls, number: int, http_status: int = 500) -> "Code":
        code = int.__new__(cls, number)
        code._value_ = number
        code.http_status = http_status
        return code

    OK = 0, 200
    CANCELLED = 1, 499
    UNKNOWN = 2, 500
    INVALID_ARGUMENT = 3, 400
    DEADLINE_EXCEEDED = 4, 504
    NOT_FOUND = 5, 404
    ALREADY_EXISTS = 6, 409
    PERMISSION_DENIED = 7, 403
    RESOURCE_EXHAUSTED = 8, 429
    FAILED_PRECONDITION = 9, 400
    ABORTED = 10, 409
    OUT_OF_RANGE = 11, 400
    UNIMPLEMENTED = 12, 501
    INTERNAL = 13, 500
    UNAVAILABLE = 14, 503
    DATA_LOSS = 15, 500
    UNAUTHENTICATED = 16, 401


RETRY_SOON: Mapping[str, str] = {"Retry-After": "1"}
"""For answers that are likely to be better in a moment."""


Shed = Literal[
    "places",
    "long_answers",
    "answer_memory",
    "bodies",
    "decoding",
    "waits",
    "connections",
    "connections_per_address",
    "unfinished",
    "stopping",
    "no_schema",
    "no_keys",
    "store",
    "audit_log",
]
"""Why the gateway refuses what it would do at another time."""
BadToken = Literal[
    "no_token",
    "malformed",
    "algorithm",
    "signature",
    "unknown_key",
    "expired",
    "not_yet_valid",
    "claims",
    "denied",
]
"""What is wrong with a token; `denied` is on the deny list."""
Cause = Shed | BadToken | Literal["rate_limit"]


class GatewayError(Exception):
    """An answer that is not a success.

    `code` chooses the HTTP status unless `status` says another (a body that is
    too large is RESOURCE_EXHAUSTED, but 413). `details` are JSON values, `headers` go out with
    the answer. `cause` is what such answers are counted by.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        status: int | None = None,
        details: Sequence[object] = (),
        headers: Mapping[str, str] | None = None,
        cause: Cause | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = code.http_status if status is None else status
        self.details = details
        self.headers: Mapping[str, str] = headers or {}
        self.cause = cause

    def body(self) -> bytes:
        """The JSON of the answer: `{"error": "NOT_FOUND", "code": 5, "message": "…"}`."""
        shape: dict[str, object] = {
            "error": self.code.name,
            "code": int(self.code),
            "message": self.message,
        }
        if self.details:
            shape["details"] = list(self.details)
        return orjson.dumps(shape)

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """The headers as they are sent, with their names in lower case."""
        return [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]


def unavailable(problem: str, cause: Shed) -> GatewayError:
    """503: it may be better in a moment."""
    return GatewayError(Code.UNAVAILABLE, problem, headers=RETRY_SOON, cause=cause)


class ConfigurationError(Exception):
    """A setting that cannot be used. Stops startup; its text is one line that names the setting.

    `problems` are that line and those about other settings that are known to be wrong as well.
    """

    def __init__(self, problem: str, *others: str) -> None:
        super().__init__(problem)
        self.problems = (problem, *others)
