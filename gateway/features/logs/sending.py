"""Sending a log, or a part of it, as it was when it was opened (RFC 9110)."""

from functools import partial

from starlette.types import Send

from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.routing import send_nothing
from gateway.core.pipeline.slow_reader import SlowReader
from gateway.features.logs.log_file import LogFile, State
from gateway.features.logs.ranges import NEVER_SATISFIED, http_date, is_fresh, wanted_range
from gateway.features.logs.threads import Threads

PLAIN_TEXT = (b"content-type", b"text/plain; charset=utf-8")
PIECE_BYTES = 128 * 1024
"""Read and sent at once."""


async def send_part(
    context: RequestContext,
    log: LogFile,
    state: State,
    start: int,
    send: Send,
    threads: Threads,
    timeout: float,
) -> None:
    """Answer with the log from `start`, or with the range of that which is asked for.

    `timeout` is in seconds, for the client to read on. Raises ClientGone, and GatewayError: after
    the beginning of the answer, for a file that cannot be read to its end. Then a line says so, as
    far as it fits, and the answer stays shorter than its Content-Length, which clients notice.
    """
    request, size = context.request, state.size - start
    headers = [
        (b"accept-ranges", b"bytes"),
        (b"etag", state.etag.encode()),
        (b"last-modified", http_date(state.modified).encode()),
    ]
    if is_fresh(request.headers, state):
        context.response.code = Code.OK
        await send_nothing(send, *headers, status=304)
        return
    # A range means nothing to any other request.
    part = wanted_range(request.headers, state, size) if request.method == "GET" else None
    if part == NEVER_SATISFIED:
        told = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
        problem = f"the log has {size} bytes, and the range begins behind them"
        raise GatewayError(Code.OUT_OF_RANGE, problem, status=416, headers=told)
    first, last = (0, size) if part is None else part
    if part is not None:
        headers.append((b"content-range", b"bytes %d-%d/%d" % (first, last - 1, size)))
    headers += (PLAIN_TEXT, (b"content-length", b"%d" % (last - first)))
    status = 200 if part is None else 206
    context.response.code = Code.OK
    if request.method == "HEAD":
        await send_nothing(send, *headers, status=status)
        return
    reader = SlowReader(context, send, timeout, None)
    await reader.send({"type": "http.response.start", "status": status, "headers": headers})
    at, end = start + first, start + last
    while at < end:
        until = min(at + PIECE_BYTES, end)
        piece = b""
        try:
            piece = await threads.run(context.principal, partial(log.read, at, until))
            if len(piece) < until - at:
                problem = f"the log has been cut off: it had {state.size} bytes"
                raise GatewayError(Code.DATA_LOSS, problem)
        except GatewayError as error:
            rest = (piece + f"\n[{error.message}]\n".encode())[: end - at - 1]
            await reader.send({"type": "http.response.body", "body": rest, "more_body": True})
            raise
        message = {"type": "http.response.body", "body": piece, "more_body": True}
        await reader.send(message, len(piece))
        del piece, message
        await reader.catch_up()
        at = until
    await reader.send({"type": "http.response.body", "body": b""})
