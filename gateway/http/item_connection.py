"""The connection of a batch's item, in memory."""

import asyncio
from collections.abc import Callable, Mapping
from typing import NamedTuple

from starlette.types import Message

from gateway.access.fair_quota import FairQuota
from gateway.errors import Code, GatewayError, unavailable
from gateway.http.direct_connection import LARGE_BODY_BYTES, Headers
from gateway.http.error_answer import error_answer
from gateway.openapi.schemas import OF_ANSWERED_CHANGES, REPORTED

MAX_ANSWER_BYTES = 8 * 2**20
"""Of one item."""
HEADERS = {name.lower().encode(): name for name in (*REPORTED, *OF_ANSWERED_CHANGES, "Retry-After")}
"""Headers of an item's answer that are shown, by lower-case name."""


class Outcome(NamedTuple):
    status: int
    headers: Headers
    body: bytes


class ItemConnection:
    """The connection of an item: a `DirectConnection` whose answer stays in memory."""

    fields: Mapping[bytes, bytes]
    refusal: GatewayError | None = None
    task: asyncio.Task[None] | None = None
    disconnected: bool = False
    is_behind: bool = False
    on_disconnect: Callable[[], object] | None = None
    charged: int = 0
    """Bytes of the answer in the quota of long ones."""
    _size: int = 0
    _status: int = 0
    _headers: Headers = ()
    _is_complete: bool = False
    _failure: GatewayError | None = None

    def __init__(self, body: bytes, principal: str, long_answers: FairQuota) -> None:
        self._body = body
        self._principal = principal
        self._long_answers = long_answers
        self._parts: list[bytes] = []

    @property
    def has_begun(self) -> bool:
        """Whether there is an answer."""
        return self._status != 0

    def outcome(self) -> Outcome | None:
        """What is told of it at its end, if anything is left to tell."""
        if self._is_complete:
            return Outcome(self._status, self._headers, b"".join(self._parts))
        failed = GatewayError(Code.INTERNAL, "its answer was cut short; the gateway's log has why")
        return outcome_of(self._failure or failed)

    def take_body(self) -> bytes:
        body, self._body = self._body, b""
        return body

    def answer(self, status: int, headers: Headers, body: bytes) -> bool:
        """Raises GatewayError for an answer that is too long."""
        if self._status:
            return False
        self._keep(body)
        self._status, self._headers, self._is_complete = status, headers, True
        return True

    async def receive(self) -> Message:
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Raises GatewayError as `answer` does."""
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], message["headers"]
            return
        self._keep(message.get("body", b""))
        self._is_complete = not message.get("more_body", False)

    def abort(self) -> None:
        """There is nothing to drop."""

    def _keep(self, part: bytes) -> None:
        size = self._size + len(part)
        if size > MAX_ANSWER_BYTES:
            most = f"{MAX_ANSWER_BYTES // 2**20} MB, the most in a batch"
            problem = f"it was called, and its answer is larger than {most}; ask for it alone"
            self._failure = GatewayError(Code.RESOURCE_EXHAUSTED, problem, status=502)
        elif size > LARGE_BODY_BYTES:
            if self._long_answers.take(self._principal, size - self.charged):
                self.charged = size
            else:
                problem = "it was called, and too many long answers wait to be sent"
                self._failure = unavailable(problem, "answer_memory")
        if self._failure is not None:
            self._parts.clear()
            raise self._failure
        self._size = size
        self._parts.append(part)


def outcome_of(error: GatewayError) -> Outcome:
    headers, body = error_answer(error)
    return Outcome(error.status, headers, body)


def reported(headers: Headers) -> dict[str, str]:
    """What the gateway reports in an item's headers."""
    return {HEADERS[name]: value.decode() for name, value in headers if name in HEADERS}
