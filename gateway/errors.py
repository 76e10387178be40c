"""Errors: one type, one table of codes, one JSON format."""

from collections.abc import Mapping, Sequence
from enum import IntEnum

import orjson


class Code(IntEnum):
    """The gRPC status codes (https://grpc.io/docs/guides/status-codes/)."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


HTTP_STATUS: Mapping[Code, int] = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.UNKNOWN: 500,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.INTERNAL: 500,
    Code.UNAVAILABLE: 503,
    Code.DATA_LOSS: 500,
    Code.UNAUTHENTICATED: 401,
}
"""gRPC code to HTTP status, as grpc-gateway maps them."""


RETRY_SOON: Mapping[str, str] = {"Retry-After": "1"}
"""For answers that are likely to be better in a moment."""


class GatewayError(Exception):
    """An answer that is not a success.

    `code` chooses the HTTP status by `HTTP_STATUS` unless `status` says another (a body that is
    too large is RESOURCE_EXHAUSTED, but 413). `details` are JSON values, `headers` go out with
    the answer.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        status: int | None = None,
        details: Sequence[object] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = HTTP_STATUS[code] if status is None else status
        self.details = details
        self.headers: Mapping[str, str] = headers or {}

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


class ConfigurationError(Exception):
    """A setting that cannot be used. Stops startup; its text is one line that names the setting.

    `problems` are that line and those about other settings that are known to be wrong as well.
    """

    def __init__(self, problem: str, *others: str) -> None:
        super().__init__(problem)
        self.problems = (problem, *others)
