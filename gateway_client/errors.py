"""Errors, which become one line and an exit status."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

NO_HEADERS: Mapping[str, str] = MappingProxyType({})
CODES = (
    *("OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND"),
    *("ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION"),
    *("ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"),
    "UNAUTHENTICATED",
)
"""The names of gRPC's status codes, by number."""


class CallError(Exception):
    """A call has failed. `code` is the name of a gRPC status; the text is `message`."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        details: Sequence[object] = (),
        headers: Mapping[str, str] = NO_HEADERS,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        """The HTTP status, if the error came from a gateway."""
        self.details = details
        self.headers = headers


class Failure(Exception):
    """The command has failed. The text is one line, or a few."""


class InvalidCall(Exception):
    """The call names an unknown method or field. The text is one line."""


class WrongSetting(Exception):
    """A setting cannot be used. The text is one line that names it, or a few, one for each."""
