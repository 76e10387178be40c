"""What becomes of a call: its status, as grpc.aio would raise it."""

import grpc
import grpc.aio

from gateway.upstream.http2.frames import REASONS, Reason
from gateway.upstream.http2.headers import Block

CODES = {str(code.value[0]): code for code in grpc.StatusCode}
"""By `grpc-status`, which has no leading zeros."""
Status = grpc.StatusCode

OF_HTTP = {
    "400": Status.INTERNAL,
    "401": Status.UNAUTHENTICATED,
    "403": Status.PERMISSION_DENIED,
    "404": Status.UNIMPLEMENTED,
    "429": Status.UNAVAILABLE,
    "502": Status.UNAVAILABLE,
    "503": Status.UNAVAILABLE,
    "504": Status.UNAVAILABLE,
}
"""https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md"""

OF_RESET = {
    Reason.REFUSED_STREAM: Status.UNAVAILABLE,
    Reason.CANCEL: Status.CANCELLED,
    Reason.ENHANCE_YOUR_CALM: Status.RESOURCE_EXHAUSTED,
    Reason.INADEQUATE_SECURITY: Status.PERMISSION_DENIED,
}
"""Errors of HTTP/2 in PROTOCOL-HTTP2.md; the others are INTERNAL."""


class NotSent(Exception):
    """The other side has not looked at the call, and will not: it can be made again."""


def failure(
    code: grpc.StatusCode, details: str, metadata: tuple[tuple[str, str | bytes], ...] = ()
) -> grpc.aio.AioRpcError:
    """A call that ended with this status."""
    return grpc.aio.AioRpcError(
        code, grpc.aio.Metadata(), grpc.aio.Metadata(*metadata), details=details
    )


def failure_of_http(block: Block) -> grpc.aio.AioRpcError | None:
    """Why these are no headers of a gRPC answer; None when they are."""
    if block.status == "200" and block.content_type.startswith("application/grpc"):
        return None
    words = f"Received http2 header with status: {block.status}"
    if block.status == "200":
        words += f" and content-type: {block.content_type[:100]}"
    return failure(OF_HTTP.get(block.status or "", Status.UNKNOWN), words)


def too_late() -> grpc.aio.AioRpcError:
    return failure(Status.DEADLINE_EXCEEDED, "Deadline Exceeded")


def failure_of_reset(code: int, *, late: bool) -> grpc.aio.AioRpcError:
    """A stream that the other side has reset; `late` if its deadline is over.

    The other side keeps the deadline, too, and is sometimes the first to cancel.
    """
    reason = REASONS.get(code)
    if late and reason is Reason.CANCEL:
        return too_late()
    if reason is None:
        return failure(Status.INTERNAL, f"the call was reset: error {code}")
    return failure(OF_RESET.get(reason, Status.INTERNAL), f"the call was reset: {reason.name}")


def failure_of(block: Block) -> grpc.aio.AioRpcError | None:
    """What trailers say, alone or at an answer's end; None for OK."""
    if block.grpc_status == "0":
        return None
    if block.grpc_status is None:
        if block.status is not None and (error := failure_of_http(block)) is not None:
            return error
        return failure(Status.UNKNOWN, "the answer has no status")
    code = CODES.get(block.grpc_status, Status.UNKNOWN)
    return failure(code, block.grpc_message, block.others)
