"""What becomes of a call: the failures that HTTP/2 and gRPC's trailers stand for."""

from gateway.errors import Code
from gateway.upstream.http2.headers import Block
from gateway.upstream.http2.wire import ERROR_CODES, ErrorCode
from gateway.upstream.interface import CallFailed, Reason

CODES = {str(code.value): code for code in Code}
"""By `grpc-status`, which has no leading zeros."""
RESET_CODES = {
    ErrorCode.REFUSED_STREAM: Code.UNAVAILABLE,
    ErrorCode.CANCEL: Code.CANCELLED,
    ErrorCode.ENHANCE_YOUR_CALM: Code.RESOURCE_EXHAUSTED,
    ErrorCode.INADEQUATE_SECURITY: Code.PERMISSION_DENIED,
}
"""Of PROTOCOL-HTTP2.md, which makes INTERNAL of all others."""
WORDS = 200
"""Characters of a farewell that are told."""


def not_connected(problem: str) -> CallFailed:
    """A call for which there is no connection."""
    return CallFailed(
        Code.UNAVAILABLE, problem, Reason.NOT_CONNECTED, may_have_reached_server=False
    )


def refused(problem: str, code: Code = Code.UNAVAILABLE) -> CallFailed:
    """A call at which the peer has not looked, or will not look."""
    return CallFailed(code, problem, Reason.REFUSED, may_have_reached_server=False)


def lost(problem: str) -> CallFailed:
    """A call whose connection ended before its answer did."""
    return CallFailed(Code.UNAVAILABLE, problem, Reason.LOST)


def not_grpc(problem: str, code: Code = Code.INTERNAL) -> CallFailed:
    """An answer that gRPC does not allow."""
    return CallFailed(code, problem, Reason.PROTOCOL)


def too_late(*, may_have_reached_server: bool = True) -> CallFailed:
    """A call whose deadline has passed."""
    return CallFailed(
        Code.DEADLINE_EXCEEDED,
        "no answer before the deadline",
        Reason.DEADLINE,
        may_have_reached_server=may_have_reached_server,
    )


def too_large(size: int, most: int) -> CallFailed:
    """An answer of `size` bytes, where `most` are taken."""
    sizes = f"{size / 2**20:.4g} MB, and the limit is {most / 2**20:.4g} MB"
    return CallFailed(Code.RESOURCE_EXHAUSTED, sizes, Reason.TOO_LARGE)


def no_memory(size: int) -> CallFailed:
    """An answer of `size` bytes for which there has been no room."""
    problem = f"there is no room for an answer of {size / 2**20:.4g} MB now (MAX_ANSWER_MEMORY)"
    return CallFailed(Code.UNAVAILABLE, problem, Reason.NO_MEMORY)


def failure_of_headers(block: Block) -> CallFailed | None:
    """Why these are no headers of a gRPC answer; None when they are.

    An HTTP status is a web server's word and not Cuebot's, so it becomes UNAVAILABLE, and not what
    https://github.com/grpc/grpc/blob/master/doc/http-grpc-status-mapping.md would make of it.
    """
    if block.status == "200" and block.content_type.startswith("application/grpc"):
        return None
    problem = f"a web server answers in Cuebot's place: HTTP status {block.status[:20]}"
    if block.status == "200":
        problem += f" and content type {block.content_type[:100] or 'unknown'}"
    return not_grpc(problem, Code.UNAVAILABLE)


def failure_of_trailers(block: Block) -> CallFailed | None:
    """What trailers say, alone or at an answer's end; None for OK."""
    if block.grpc_status == "0":
        return None
    if not block.grpc_status:
        if block.status and (failure := failure_of_headers(block)) is not None:
            return failure
        return not_grpc("the answer has no status", Code.UNKNOWN)
    code = CODES.get(block.grpc_status, Code.UNKNOWN)
    return CallFailed(code, block.grpc_message, status_details=block.status_details)


def name_of(number: int) -> str:
    """An error code of HTTP/2."""
    return ERROR_CODES[number].name if number in ERROR_CODES else f"error {number}"


def farewell(number: int, words: bytes) -> str:
    """What the peer says when it goes away: error code and text, as far as they say anything."""
    said = words[:WORDS].decode("ascii", "replace")
    quoted = ": ".join(filter(None, (name_of(number), said)))
    plain = "Cuebot is closing the connection"
    return f"{plain} ({quoted})" if said or number != ErrorCode.NO_ERROR else plain


def failure_of_reset(number: int, *, begun: bool, late: bool) -> CallFailed:
    """A stream that the peer has reset with this error code.

    REFUSED_STREAM promises that nothing was done, unless the answer has `begun`. The peer keeps the
    deadline as well, and is sometimes the first to cancel: `late` is whether it has passed.
    """
    code = ERROR_CODES.get(number)
    if code is ErrorCode.REFUSED_STREAM and not begun:
        return refused(f"Cuebot refused the call ({code.name})")
    if code is ErrorCode.CANCEL and late:
        return too_late()
    status = Code.INTERNAL if code is None else RESET_CODES.get(code, Code.INTERNAL)
    return CallFailed(status, f"Cuebot reset the call: {name_of(number)}", Reason.CANCELLED)
