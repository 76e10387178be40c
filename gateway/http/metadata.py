"""Metadata of calls to Cuebot."""

from functools import lru_cache
from urllib.parse import quote

from gateway.http.trace_context import TraceContext
from gateway.upstream.interface import Metadata


def caller_metadata(
    request_id: str, client: str, subject: str | None, trace: TraceContext | None = None
) -> Metadata:
    """The request id, the trace, the caller's address and subject. The token is never sent."""
    if trace is None:
        return (("x-request-id", request_id), *caller(client, subject or ""))
    return (("x-request-id", request_id), *trace.metadata, *caller(client, subject or ""))


@lru_cache(maxsize=1024)
def caller(client: str, subject: str) -> Metadata:
    """The metadata that all calls of a caller share. The subject is percent-encoded, since gRPC
    metadata is printable ASCII.
    """
    return (("x-forwarded-for", client), ("x-gateway-principal", quote(subject, safe="")))
