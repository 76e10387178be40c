"""`GET /logs/{job}/{frame}`: the log of a frame, as far as the caller may see it."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from starlette.types import Receive, Scope, Send

from gateway.core.errors import Code, GatewayError, stopping
from gateway.core.gateway import Gateway
from gateway.core.pipeline.context import Denial, RequestContext, context_of
from gateway.core.pipeline.disconnect import CancelOnDisconnect
from gateway.core.pipeline.routing import send_nothing
from gateway.core.pipeline.slow_reader import SlowReader
from gateway.core.schema.catalog import Catalog, no_schema
from gateway.core.suggestions import QUOTED_CHARS
from gateway.features.logs.frames import FrameFinder, logs_of
from gateway.features.logs.log_file import LogFile, State
from gateway.features.logs.options import Asked, asked_in
from gateway.features.logs.ranges import NEVER_SATISFIED, http_date, is_fresh, wanted_range
from gateway.features.logs.roots import Place, Root, is_name_of_file, place_of
from gateway.features.logs.threads import Threads

PATH = "/logs/{job}/{frame}"
FOLDER = "/logs/"
READ = "logs"
"""The right to read logs, in access rules."""
PLAIN_TEXT = (b"content-type", b"text/plain; charset=utf-8")
PIECE_BYTES = 256 * 1024
"""Read and sent at once."""


class Found(NamedTuple):
    """A frame, its job, and where its log is."""

    catalog: Catalog
    job: Any
    frame: Any
    place: Place


class LogPage:
    def __init__(
        self, gateway: Gateway, roots: Sequence[Root], threads: Threads, timeout: float
    ) -> None:
        """The gateway's pipeline is there. `timeout` is in seconds, for a client to read on."""
        self._live = gateway.live
        self._readiness = gateway.readiness
        self._interceptors = gateway.pipeline.interceptors
        self._finder = FrameFinder(gateway.pipeline.calls, gateway.settings.grpc_timeout)
        self._roots = roots
        self._threads = threads
        self._timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises GatewayError, and ClientGone."""
        context = context_of(scope)
        with CancelOnDisconnect(context, receive):
            await self._answer(context, send)

    async def _answer(self, context: RequestContext, send: Send) -> None:
        if self._readiness.stopping:
            raise stopping()
        catalog = self._live.current
        if catalog is None:
            raise no_schema()
        self._check_right(context, catalog)
        job, frame = names_in_path(context.request.path)
        asked = asked_in(context.request.query)
        self._interceptors.enter(context)
        found = await self._found(context, catalog, job, frame)
        context.close()  # neither a slot nor memory for answers is held while a log is sent
        await self._send(context, found, asked, send)

    def _check_right(self, context: RequestContext, catalog: Catalog) -> None:
        """Raises GatewayError (PERMISSION_DENIED)."""
        caller = context.caller
        assert caller is not None, "no page is shown without a token"
        if not caller.rights.reads(READ):
            context.call.denied = Denial(caller.rights.name, logs_of(catalog).frame.method)
            raise GatewayError(
                Code.PERMISSION_DENIED,
                f"{caller.subject!r} may not read logs: the access rule {caller.rights.name!r} has"
                f' neither "{READ}" nor "reads" in `may`',
            )

    async def _found(
        self, context: RequestContext, catalog: Catalog, job_name: str, frame_name: str
    ) -> Found:
        """Raises GatewayError."""
        try:
            job = await self._finder.job(context, catalog, job_name)
            frame = await self._finder.frame(context, catalog, job, frame_name)
        except GatewayError as error:
            if error.code is Code.NOT_FOUND and not self._roots:
                raise no_roots() from None
            raise
        if getattr(job, "loki_url", ""):
            problem = f"the logs of {job.name} are not in files: they are in Loki, {job.loki_url}"
            raise GatewayError(Code.NOT_FOUND, problem)
        name = logs_of(catalog).file.format(job=job.name, frame=frame.name)
        told = f"{job.log_dir.rstrip('/')}/{name}"
        if not self._roots:
            raise no_roots(told)
        place = place_of(job.log_dir, name, self._roots)
        if place is None:
            problem = (
                f"{told} lies below none of the folders in LOG_ROOTS, which this gateway reads"
            )
            raise GatewayError(Code.NOT_FOUND, problem)
        return Found(catalog, job, frame, place)

    async def _send(self, context: RequestContext, found: Found, asked: Asked, send: Send) -> None:
        log, run = LogFile(found.place), partial(self._threads.run, context.principal)
        try:
            state = await run(log.open)
            start = 0
            if asked.lines is not None:
                start = await run(partial(log.start_of_lines, asked.lines, state.size))
            await self._send_part(context, log, state, start, send)
        finally:
            self._threads.run_later(log.close)

    async def _send_part(
        self, context: RequestContext, log: LogFile, state: State, start: int, send: Send
    ) -> None:
        """Answer with the log from `start`, or with the range of that which is asked for."""
        request, size = context.request, state.size - start
        context.response.code = Code.OK
        headers = [
            (b"accept-ranges", b"bytes"),
            (b"etag", state.etag.encode()),
            (b"last-modified", http_date(state.modified).encode()),
        ]
        if is_fresh(request.headers, state):
            await send_nothing(send, *headers, status=304)
            return
        part = None
        if request.method == "GET":  # the range of any other request means nothing
            part = wanted_range(request.headers, state, size)
        if part == NEVER_SATISFIED:
            problem = f"the log has {size} bytes"
            told = {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"}
            raise GatewayError(Code.OUT_OF_RANGE, problem, status=416, headers=told)
        first, last = (0, size) if part is None else part
        if part is not None:
            headers.append((b"content-range", b"bytes %d-%d/%d" % (first, last - 1, size)))
        headers += (PLAIN_TEXT, (b"content-length", b"%d" % (last - first)))
        status = 200 if part is None else 206
        if request.method == "HEAD":
            await send_nothing(send, *headers, status=status)
            return
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await self._send_bytes(context, log, start + first, start + last, send)

    async def _send_bytes(
        self, context: RequestContext, log: LogFile, start: int, end: int, send: Send
    ) -> None:
        reader = SlowReader(context, send, self._timeout, None)
        at = start
        while at < end:
            until = min(at + PIECE_BYTES, end)
            work = partial(log.read, at, until)
            piece = await self._threads.run(context.principal, work)
            if len(piece) < until - at:
                line = f"\n[the log has been cut off: it had {end} bytes]\n".encode()
                piece = (piece + line)[: until - at]
                message = {"type": "http.response.body", "body": piece, "more_body": True}
                await reader.send(message, len(piece))
                raise GatewayError(Code.DATA_LOSS, "the log was cut off while it was read")
            message = {"type": "http.response.body", "body": piece, "more_body": True}
            await reader.send(message, len(piece))
            await reader.catch_up()
            at = until
        await reader.send({"type": "http.response.body", "body": b""})


def names_in_path(path: str) -> tuple[str, str]:
    """The job and the frame in a path. Raises GatewayError (INVALID_ARGUMENT)."""
    names = path.removeprefix(FOLDER).split("/")
    if len(names) != 2 or not all(map(is_name_of_file, names)):
        problem = f"{path[:QUOTED_CHARS]!r}: the log of a frame is at {PATH}, by names or ids"
        raise GatewayError(Code.INVALID_ARGUMENT, problem)
    return names[0], names[1]


def no_roots(told: str = "") -> GatewayError:
    lies = f"; this one is {told}" if told else ""
    problem = f"this gateway reads no logs: LOG_ROOTS would say below which folders it may{lies}"
    return GatewayError(Code.NOT_FOUND, problem)
