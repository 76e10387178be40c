"""Errors: one type, one table of codes, one JSON format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, NamedTuple, NewType

import orjson


class Code(IntEnum):
    """https://grpc.io/docs/guides/status-codes/, with grpc-gateway's mapping to HTTP."""

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


Shed = Literal[
    "places",
    "long_answers",
    "answer_memory",
    "bodies",
    "decoding",
    "connections",
    "connections_per_address",
    "unfinished",
    "stopping",
    "no_schema",
    "store",
]
"""What the core, the server, or several features have no room for, or cannot do now (503)."""
Lapse = Literal["expired", "not_yet_valid"]
"""Why a caller who was identified may not call now."""
OwnCause = NewType("OwnCause", str)
"""A feature's own reason to refuse: a constant of its folder, which the feature declares."""
Cause = Shed | Lapse | OwnCause


Fate = Literal["kept back", "not sent", "answered", "unknown"]
"""What is known of a call to Cuebot that failed: it was about to be made, and was not, for this
reason; it has not come there; Cuebot itself has answered with the error; or none of these."""


@dataclass(frozen=True, slots=True)
class Details:
    """What has come with an error of Cuebot's, besides its text."""

    shown: Sequence[object] = ()
    """JSON values."""
    packed: bytes = b""
    """The same as a serialized `google.rpc.Status`."""


NO_DETAILS = Details()


class Sought(NamedTuple):
    """A name that a look-up did not find."""

    path: str
    """Of the look-up's method."""
    kind: str
    name: str
    asked: bytes
    """The request of the look-up."""
    only: str = ""
    """`pending`: what alone is found, of the kind or of what it is in."""
    within: tuple[str, str] | None = None
    """What names belong to: `job` and its name."""
    place: str = ""
    """Of the name in the request, with a colon; empty if it can only be this one."""
    is_looked_up: bool = False
    """Whether it is of another call's request."""

    @property
    def said(self) -> str:
        """`no layer 'comp' in pending job 'demo-a'`."""
        only = f"{self.only} " if self.only else ""
        if self.within is None:
            return f"{self.place}no {only}{self.kind} {self.name!r}"
        kind, name = self.within
        return f"{self.place}no {self.kind} {self.name!r} in {only}{kind} {name!r}"


ErrorAnswer = tuple[tuple[tuple[bytes, bytes], ...], bytes]
"""The headers of an error answer, with lower-case names, and its body."""


class GatewayError(Exception):
    """An error answer.

    `status` overrides the HTTP status of `code` (a body that is too large is RESOURCE_EXHAUSTED,
    but 413). `cuebot` is Cuebot's own text, if the message says it in plainer words. `cause` is the
    label in metrics.
    """

    sought: Sought | None = None
    """What was not found, if others may be near."""
    fate: Fate = "not sent"
    """Of the call that ended with this error."""
    answer: ErrorAnswer | None = None
    """In JSON, if it has been written before."""

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        status: int | None = None,
        cuebot: str = "",
        details: Details = NO_DETAILS,
        headers: Mapping[str, str] | None = None,
        cause: Cause | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = code.http_status if status is None else status
        self.cuebot = cuebot
        self.details = details
        self.headers: Mapping[str, str] = headers or {}
        self.cause = cause

    def again(self) -> "GatewayError":
        """The same error for another request, without the traceback and what that holds."""
        same = type(self).__new__(type(self))
        same.__dict__.update(self.__dict__)
        same.args = self.args
        return same

    def body(self) -> bytes:
        shape: dict[str, object] = {
            "error": self.code.name,
            "code": int(self.code),
            "message": self.message,
        }
        if self.cuebot:
            shape["cuebot"] = self.cuebot
        if self.details.shown:
            shape["details"] = list(self.details.shown)
        return orjson.dumps(shape)

    def raw_headers(self) -> list[tuple[bytes, bytes]]:
        """Header names are in lower case."""
        return [(name.lower().encode(), value.encode()) for name, value in self.headers.items()]


def unavailable(problem: str, cause: Shed | OwnCause) -> GatewayError:
    return GatewayError(Code.UNAVAILABLE, problem, headers=RETRY_SOON, cause=cause)


def own_failure() -> GatewayError:
    """The error for a bug, which is logged."""
    return GatewayError(Code.INTERNAL, "the gateway failed; its log has the cause")


def stopping() -> GatewayError:
    return unavailable("the gateway is stopping", "stopping")


class ConfigurationError(Exception):
    """Stops startup. Each of `problems` is one line that names its setting; the text is all."""

    def __init__(self, problem: str, *others: str) -> None:
        self.problems = (problem, *others)
        super().__init__("\n".join(self.problems))
