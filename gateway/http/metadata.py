"""What Cuebot is told about the caller of a method."""

from functools import lru_cache
from urllib.parse import quote

from gateway.http.trace_context import TraceContext
from gateway.upstream.interface import Metadata


def caller_metadata(
    request_id: str, client: str, subject: str | None, trace: TraceContext | None = None
) -> Metadata:
    """The metadata of a call: the request's id, its trace, the caller's address and the token's
    subject. The token itself is not part of it.
    """
    if trace is None:
        return (("x-request-id", request_id), *caller(client, subject or ""))
    return (("x-request-id", request_id), *trace.metadata, *caller(client, subject or ""))


@lru_cache(maxsize=1024)
def caller(client: str, subject: str) -> Metadata:
    """What is the same in all calls of a caller. Its subject is percent-encoded, since gRPC's
    metadata is printable ASCII.
    """
    return (("x-forwarded-for", client), ("x-gateway-principal", quote(subject, safe="")))
