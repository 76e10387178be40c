"""What a surface decides: the head, the message in a body, the form of answers and of errors.

Plain JSON is the surface of requests that have no other.
"""

from collections.abc import Awaitable, Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol
from urllib.parse import quote

from gateway.core.calls.answer_form import SentRequest
from gateway.core.calls.invoke import Call
from gateway.core.calls.query import Query, parsed, unread
from gateway.core.codec.encode import Encode
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.content_coding import Coding, Codings
from gateway.core.schema.catalog import UnknownPath
from gateway.core.schema.method import Method
from gateway.core.suggestions import QUOTED_CHARS

Header = tuple[bytes, bytes]
Expand = Callable[[bytes, bytes], Awaitable[bytes]]
"""From a content coding and data to its content, no longer than a body. Raises GatewayError."""

CUEBOTS_TEXT = b"x-cuebot"
LONGEST_TEXT = 500
"""Characters of Cuebot's own text in a header."""
NO_CALL_STATUSES = (405, 415)
"""Of requests that are no calls: another verb, another media type."""


class Head(Protocol):
    """A request's head (`gateway.core.pipeline.context.Request`)."""

    @property
    def method(self) -> str: ...
    @property
    def query(self) -> bytes: ...
    @property
    def headers(self) -> Mapping[bytes, bytes]: ...


class HeadRules(NamedTuple):
    """What the gateway decides of heads."""

    policy: UnknownFieldPolicy
    max_body: int
    options: Container[str]
    """Names that plain JSON has in query strings."""
    codings: Codings
    answers: Coding
    """That of the answer's body."""


class Asked(NamedTuple):
    query: Query
    timeout: float | None = None
    """Seconds for all calls."""
    headers: tuple[Header, ...] = ()
    """Of the answer."""


@dataclass(frozen=True, slots=True)
class MessageForm:
    """All of an answer, as the surface's message: an `AnswerForm` of the core."""

    encode: Encode
    content_type: tuple[bytes, bytes]
    key: str
    is_message = True
    chooses = False
    is_timed = False
    second_call = None

    async def completed(
        self, sent: SentRequest, look_up: Method, answer: bytes, call: Call
    ) -> "MessageForm":
        return self


class ErrorForm(NamedTuple):
    status: int
    headers: tuple[Header, ...]
    body: bytes


def cuebots_text(error: GatewayError) -> tuple[Header, ...]:
    """A header, or a trailer, with Cuebot's own text: percent-encoded, and cut."""
    if not error.cuebot:
        return ()
    return ((CUEBOTS_TEXT, quote(error.cuebot[:LONGEST_TEXT]).encode()),)


class Surface(Protocol):
    """A way of calling methods over HTTP, with one codec. It has no state: requests share it."""

    @property
    def name(self) -> str:
        """Its label in metrics and logs."""

    @property
    def is_binary(self) -> bool:
        """Whether messages are protobuf, not JSON."""

    def read_head(
        self,
        head: Head,
        method: Method,
        rules: HeadRules,
    ) -> Asked:
        """Raises GatewayError for an invalid head."""

    def overhead(self, max_body: int) -> int:
        """How many bytes longer than a message of `max_body` bytes its body may be."""

    def is_wrapped(self, head: Head) -> bool:
        """Whether taking the message out of a body may take long: `unwrap` does it."""

    def message(self, body: bytes) -> bytes:
        """The message in a body that is not wrapped. Raises GatewayError."""

    async def unwrap(self, head: Head, body: bytes, expand: Expand) -> bytes:
        """The message in any body. Raises GatewayError."""

    def error_form(self, error: GatewayError) -> ErrorForm:
        """An error answer, whose headers have no Content-Length."""


def code_of(error: GatewayError) -> Code:
    """An error's code for clients, to whom a path is a method. Metrics and logs have its own."""
    return Code.UNIMPLEMENTED if isinstance(error, UnknownPath) else error.code


def check_query(parameters: Iterable[tuple[str, str]], label: str, options: Container[str]) -> None:
    """Options are for plain JSON: the answers of other surfaces are the method's messages."""
    for name, _ in parameters:
        if name in options:
            raise GatewayError(
                Code.INVALID_ARGUMENT,
                f"?{name}: views are for plain JSON; {label} answers are whole messages",
            )


def read_post_query(
    query: bytes, policy: UnknownFieldPolicy, label: str, options: Container[str]
) -> tuple[str, ...]:
    """The parameters of a POST that nothing reads. Raises GatewayError (INVALID_ARGUMENT)."""
    if not query:
        return ()
    parameters = parsed(query, strict=False)
    check_query(parameters, label, options)
    return unread(parameters, policy)


def unsupported_media(
    media: bytes, supported: Iterable[str], problem: str = "is not supported"
) -> GatewayError:
    """415 with Accept-Post (RFC 9110 section 15.5.16)."""
    names = ", ".join(supported)
    text = media[:QUOTED_CHARS].decode("ascii", "replace")
    return GatewayError(
        Code.INVALID_ARGUMENT,
        f"a message of type {text} {problem}; use one of: {names}",
        status=415,
        headers={"Connection": "close", "Accept-Post": names},
    )


def unsupported_coding(coding: bytes, supported: str, header: str) -> GatewayError:
    text = coding[:QUOTED_CHARS].decode("ascii", "replace")
    return GatewayError(
        Code.UNIMPLEMENTED,
        f"a message compressed as {text} is not supported; use one of: {supported}",
        headers={"Connection": "close", header: supported},
    )
