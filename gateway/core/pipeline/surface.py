"""What a surface decides: the head, the message in a body, the form of answers and of errors.

Plain JSON is the surface of requests that have no other.
"""

from collections.abc import Awaitable, Callable, Container, Mapping
from typing import NamedTuple, Protocol

from gateway.core.calls.query import Query
from gateway.core.codec.unknown_fields import UnknownFieldPolicy
from gateway.core.errors import GatewayError
from gateway.core.pipeline.content_coding import Coding, Codings
from gateway.core.schema.method import Method

Header = tuple[bytes, bytes]
Expand = Callable[[bytes, bytes], Awaitable[bytes]]
"""From a content coding and data to its content, no longer than a body. Raises GatewayError."""


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


class ErrorForm(NamedTuple):
    status: int
    headers: tuple[Header, ...]
    body: bytes


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
