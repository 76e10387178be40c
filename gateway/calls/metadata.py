"""What Cuebot is told about the caller of a method."""

from functools import lru_cache
from urllib.parse import quote

from gateway.upstream.interface import Metadata


def caller_metadata(request_id: str, client: str, subject: str | None) -> Metadata:
    """The metadata of a call: the request's id, the caller's address and the token's subject.

    The token itself is not part of it.
    """
    return (
        ("x-request-id", request_id),
        ("x-forwarded-for", client),
        ("x-gateway-principal", encoded(subject or "")),
    )


@lru_cache(maxsize=1024)
def encoded(subject: str) -> str:
    """The subject percent-encoded: gRPC's metadata is printable ASCII."""
    return quote(subject, safe="")
