"""Failures of calls, from HTTP/2 and gRPC's trailers."""

from gateway.errors import Code
from gateway.upstream.http2.headers import Block
from gateway.upstream.http2.wire import ERROR_CODES, ErrorCode
from gateway.upstream.interface import CallFailed, Reason

CODES = {str(code.value): code for code in Code}
"""By `grpc-status`, without leading zeros."""
RESET_CODES = {
    ErrorCode.REFUSED_STREAM: Code.UNAVAILABLE,
    ErrorCode.CANCEL: Code.CANCELLED,
    ErrorCode.ENHANCE_YOUR_CALM: Code.RESOURCE_EXHAUSTED,
    ErrorCode.INADEQUATE_SECURITY: Code.PERMISSION_DENIED,
}
"""From PROTOCOL-HTTP2.md, where all other codes are INTERNAL."""
FAREWELL_MAX_CHARS = 200


def not_connected(problem: str) -> CallFailed:
    return CallFailed(
        Code.UNAVAILABLE, problem, Reason.NOT_CONNECTED, may_have_reached_server=False
    )


def refused(problem: str, code: Code = Code.UNAVAILABLE) -> CallFailed:
    """A call that the peer has not processed and will not process."""
    return CallFailed(code, problem, Reason.REFUSED, may_have_reached_server=False)


def lost(problem: str) -> CallFailed:
    return CallFailed(Code.UNAVAILABLE, problem, Reason.LOST)


def not_grpc(problem: str, code: Code = Code.INTERNAL) -> CallFailed:
    """An answer that violates gRPC's protocol."""
    return CallFailed(code, problem, Reason.PROTOCOL)


def too_late(*, may_have_reached_server: bool = True) -> CallFailed:
    return CallFailed(
        Code.DEADLINE_EXCEEDED,
        "no answer before the deadline",
        Reason.DEADLINE,
        may_have_reached_server=may_have_reached_server,
    )


def too_large(size: int, most: int) -> CallFailed:
    sizes = f"{size / 2**20:.4g} MB, and the limit is {most / 2**20:.4g} MB"
    return CallFailed(Code.RESOURCE_EXHAUSTED, sizes, Reason.TOO_LARGE)


def no_memory(size: int) -> CallFailed:
    problem = f"there is no room for an answer of {size / 2**20:.4g} MB now (MAX_ANSWER_MEMORY)"
    return CallFailed(Code.UNAVAILABLE, problem, Reason.NO_MEMORY)


def failure_of_headers(block: Block) -> CallFailed | None:
    """Why these are not a gRPC answer's headers; None if they are.

    An HTTP status is a web server's, not Cuebot's, so it becomes UNAVAILABLE, unlike in
    https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md.
    """
    if block.status == "200" and block.content_type.startswith("application/grpc"):
        return None
    problem = f"a web server answers in Cuebot's place: HTTP status {block.status[:20]}"
    if block.status == "200":
        problem += f" and content type {block.content_type[:100] or 'unknown'}"
    return not_grpc(problem, Code.UNAVAILABLE)


def failure_of_trailers(block: Block) -> CallFailed | None:
    if block.grpc_status == "0":
        return None
    if not block.grpc_status:
        if block.status and (failure := failure_of_headers(block)) is not None:
            return failure
        return not_grpc("the answer has no status", Code.UNKNOWN)
    code = CODES.get(block.grpc_status, Code.UNKNOWN)
    return CallFailed(code, block.grpc_message, status_details=block.status_details)


def name_of(number: int) -> str:
    return ERROR_CODES[number].name if number in ERROR_CODES else f"error {number}"


def farewell(number: int, words: bytes) -> str:
    """Code and text of a GOAWAY, as far as present."""
    said = words[:FAREWELL_MAX_CHARS].decode("ascii", "replace")
    quoted = ": ".join(filter(None, (name_of(number), said)))
    plain = "Cuebot is closing the connection"
    return f"{plain} ({quoted})" if said or number != ErrorCode.NO_ERROR else plain


def failure_of_reset(number: int, *, begun: bool, late: bool) -> CallFailed:
    """A stream reset by the peer.

    REFUSED_STREAM means that nothing was done, unless the answer has `begun`. The peer enforces
    the deadline as well, and may cancel first: `late` is whether the deadline has passed.
    """
    code = ERROR_CODES.get(number)
    if code is ErrorCode.REFUSED_STREAM and not begun:
        return refused(f"Cuebot refused the call ({code.name})")
    if code is ErrorCode.CANCEL and late:
        return too_late()
    status = Code.INTERNAL if code is None else RESET_CODES.get(code, Code.INTERNAL)
    return CallFailed(status, f"Cuebot reset the call: {name_of(number)}", Reason.CANCELLED)
