"""The head of a request as it has come, and what can be said of it without looking further."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from gateway.errors import GatewayError
from gateway.http.request_headers import content_length

LARGE_BODY = 64 * 1024
"""Bytes. Larger bodies share what memory there is for them."""


@dataclass(eq=False, repr=False)
class ReceivedHead:
    """The head of an HTTP request.

    Clients send the same one again and again, so the server may use one object for many requests:
    what it says of a request depends on nothing but the head's bytes.
    """

    method: str
    target: bytes
    """In origin form (`/path?query`), or `*`."""
    http_version: str
    headers: list[tuple[bytes, bytes]]
    """As they came, with names in lower case."""
    keep_alive: bool
    """Whether the client lets the connection live on."""
    expects_continue: bool
    """Whether it waits for a 100 before it sends the body."""

    @cached_property
    def fields(self) -> dict[bytes, bytes]:
        """The headers by name."""
        return headers_of(self.headers)

    @cached_property
    def body_length(self) -> int:
        """Bytes of the body, if it is not in chunks."""
        return content_length(self.fields) or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A request that the server has refused by itself, as far as it is known."""

    peer: str
    """The address that has connected."""
    method: str
    """Empty, like the target and the headers, if it has not come."""
    target: bytes
    headers: Iterable[tuple[bytes, bytes]]
    """With names in lower case."""
    error: GatewayError
    seconds: float
    """How long it has taken to come."""


def headers_of(fields: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name. A repeated one is joined with commas (RFC 9110 section 5.3)."""
    fields = list(fields)
    headers = dict(fields)
    if len(headers) < len(fields):
        for name in headers:
            headers[name] = b", ".join(value for other, value in fields if other == name)
    return headers
