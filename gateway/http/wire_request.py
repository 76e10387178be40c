"""The head of a request on the wire."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from gateway.errors import GatewayError
from gateway.http.request_headers import content_length

LARGE_BODY_BYTES = 64 * 1024
"""Larger bodies share a quota of memory."""


@dataclass(eq=False, repr=False)
class ReceivedHead:
    """Depends on the head's bytes alone, so that equal heads share one object."""

    method: str
    target: bytes
    """Origin form (`/path?query`), or `*`."""
    http_version: str
    headers: list[tuple[bytes, bytes]]
    keep_alive: bool
    expects_continue: bool
    """Whether the client waits for a 100 before sending the body."""

    @cached_property
    def fields(self) -> dict[bytes, bytes]:
        return headers_of(self.headers)

    @cached_property
    def body_length(self) -> int:
        """Bytes of the body, unless chunked."""
        return content_length(self.fields) or 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A request that the server refused before the app saw it."""

    peer: str
    method: str
    """Empty if it did not arrive, like the target and the headers."""
    target: bytes
    headers: Iterable[tuple[bytes, bytes]]
    error: GatewayError
    seconds: float


def headers_of(fields: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Headers by name. Repeated ones are joined with commas (RFC 9110 section 5.3)."""
    fields = list(fields)
    headers = dict(fields)
    if len(headers) < len(fields):
        for name in headers:
            headers[name] = b", ".join(value for other, value in fields if other == name)
    return headers
