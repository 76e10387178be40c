"""`GET /logs/{job}/{frame}`: the log of a frame, as far as the caller may see it."""

from collections.abc import Sequence
from functools import partial

import orjson
from starlette.types import Receive, Scope, Send

from gateway.core.errors import Code, GatewayError, stopping, unavailable
from gateway.core.fair_quota import FairQuota
from gateway.core.gateway import Gateway
from gateway.core.pipeline.context import JSON_TYPE, Denial, RequestContext, context_of
from gateway.core.pipeline.disconnect import CancelOnDisconnect, stream_until_gone
from gateway.core.pipeline.event_stream import EVENT_STREAM
from gateway.core.pipeline.options import offers
from gateway.core.pipeline.routing import send_nothing
from gateway.core.schema.catalog import Catalog, no_schema
from gateway.core.suggestions import QUOTED_CHARS
from gateway.features.logs.attempts import attempts_at, open_attempt
from gateway.features.logs.denied import note_log, nothing_to_read
from gateway.features.logs.following import (
    EventForm,
    Follower,
    Form,
    Found,
    FrameStates,
    PlainForm,
    is_done,
)
from gateway.features.logs.frames import FrameFinder, logs_of
from gateway.features.logs.limits import LogLimits
from gateway.features.logs.log_file import LogFile, NotThere, State
from gateway.features.logs.options import FOLLOWED_LINES, Asked, asked_in
from gateway.features.logs.roots import Root, is_name_of_file, place_of
from gateway.features.logs.sending import send_part
from gateway.features.logs.threads import LOGS, Threads

PATH = "/logs/{job}/{frame}"
FOLDER = "/logs/"
READ = "logs"
"""The right to read logs, in access rules."""
OFFSET_DIGITS = 18


class LogPage:
    def __init__(
        self,
        gateway: Gateway,
        roots: Sequence[Root],
        *,
        readers: FairQuota,
        followers: FairQuota,
        limits: LogLimits,
    ) -> None:
        """The gateway's pipeline is there. `readers` and `followers` are of the limits."""
        pipeline, settings = gateway.pipeline, gateway.settings
        self._live = gateway.live
        self._readiness = gateway.readiness
        self._interceptors = pipeline.interceptors
        self._finder = FrameFinder(pipeline.calls, settings.grpc_timeout)
        self._states = FrameStates(self._finder, pipeline.interceptors, limits.poll_seconds)
        self._roots = roots
        self._readers = readers
        self._followers = followers
        self._limits = limits
        self._timeout = settings.http_timeout
        self._threads = Threads(limits.threads, limits.waiting, gateway.weight, self._timeout)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises GatewayError, and ClientGone."""
        context = context_of(scope)
        try:
            await self._answer(context, receive, send)
        except GatewayError as error:
            if context.call.denied is not None:
                note_log(context)
                await self._interceptors.deny(context, error, nothing_to_read)
            raise

    async def _answer(self, context: RequestContext, receive: Receive, send: Send) -> None:
        with CancelOnDisconnect(context, receive):
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
            if asked.list:
                await self._list(context, found, send)
                return
        places = self._followers if asked.follow else self._readers
        principal = context.principal
        if not places.take(principal):
            what = "followed" if asked.follow else "read"
            raise unavailable(f"too many logs are being {what}", LOGS)
        try:
            sending = self._follow if asked.follow else self._send
            await sending(context, found, asked, receive, send)
        finally:
            places.give_back(principal)

    # --- who may read it, and where it is -------------------------------------------------------

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

    def _check_again(self, catalog: Catalog, context: RequestContext) -> None:
        """Raises GatewayError for a follower that may not go on."""
        if self._readiness.stopping:
            raise stopping()
        self._interceptors.identify_again(context)
        try:
            self._check_right(context, catalog)
        finally:
            context.call.denied = None  # a stream that ends is no call that is denied

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
            problem = f"{told} is below none of the folders in LOG_ROOTS, which this gateway reads"
            raise GatewayError(Code.NOT_FOUND, problem)
        return Found(catalog, job, frame, place)

    # --- answers --------------------------------------------------------------------------------

    async def _list(self, context: RequestContext, found: Found, send: Send) -> None:
        there = await self._threads.run(context.principal, partial(attempts_at, found.place))
        body = orjson.dumps({"attempts": [each.as_object() for each in there]})
        context.response.code = Code.OK
        length = (b"content-length", b"%d" % len(body))
        headers = [JSON_TYPE, length]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _send(
        self, context: RequestContext, found: Found, asked: Asked, receive: Receive, send: Send
    ) -> None:
        log: LogFile | None = None
        try:
            with CancelOnDisconnect(context, receive):
                log = await self._open(context, found, asked.attempt)
                state, start = await self._start(context, log, asked.lines)
                await send_part(context, log, state, start, send, self._threads, self._timeout)
        finally:
            if log is not None:
                self._threads.run_later(log.close)

    async def _follow(
        self, context: RequestContext, found: Found, asked: Asked, receive: Receive, send: Send
    ) -> None:
        follower: Follower | None = None
        log: LogFile | None = None
        start = size = 0
        try:
            with CancelOnDisconnect(context, receive):
                try:
                    log = await self._open(context, found)
                except NotThere:
                    if is_done(found):
                        raise
                else:
                    lines = asked.lines or FOLLOWED_LINES
                    state, start = await self._start(context, log, lines)
                    size = state.size
            form: Form = PlainForm()
            if wants_events(context.request.headers.get(b"accept", b"")):
                restart = ""
                if log is not None:
                    start, restart = resumed(context, size, start)
                form = EventForm(start, restart)
            context.response.code = Code.OK
            if context.request.method == "HEAD":
                await send_nothing(send, *form.headers, status=200)
                return
            follower = Follower(
                context,
                found,
                log,
                threads=self._threads,
                states=self._states,
                check=partial(self._check_again, found.catalog),
                limits=self._limits,
                timeout=self._timeout,
            )
            headers = [*form.headers]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            context.response.headers = []  # they are sent, and a stream may be long
            await stream_until_gone(context, receive, partial(follower.follow, start, form, send))
        finally:
            if follower is not None:
                log = follower.log
            if log is not None:
                self._threads.run_later(log.close)

    async def _open(
        self, context: RequestContext, found: Found, attempt: int | None = None
    ) -> LogFile:
        """Raises GatewayError, and ClientGone."""
        opened = partial(open_attempt, found.place, attempt)
        return await self._threads.run(context.principal, opened, unwanted=LogFile.close)

    async def _start(
        self, context: RequestContext, log: LogFile, lines: int | None
    ) -> tuple[State, int]:
        """The state of a log, and where its last lines begin, or all of it."""
        run = partial(self._threads.run, context.principal)
        state = await run(log.state)
        if lines is None:
            return state, 0
        return state, await run(partial(log.start_of_lines, lines, state.size))


def names_in_path(path: str) -> tuple[str, str]:
    """The job and the frame in a path. Raises GatewayError (INVALID_ARGUMENT)."""
    names = path.removeprefix(FOLDER).split("/")
    if len(names) != 2 or not all(map(is_name_of_file, names)):
        problem = f"{path[:QUOTED_CHARS]!r}: the log of a frame is at {PATH}, by names or ids"
        raise GatewayError(Code.INVALID_ARGUMENT, problem)
    return names[0], names[1]


def resumed(context: RequestContext, size: int, start: int) -> tuple[int, str]:
    """Where an event stream of a log goes on: behind the last event that the client has
    (`Last-Event-ID`), or at `start`. An offset behind the end is of another log, which has been
    moved: then all of this one comes, and why.
    """
    given = context.request.headers.get(b"last-event-id", b"").decode("latin-1").strip()
    if not (given.isascii() and given.isdigit() and len(given) <= OFFSET_DIGITS):
        return start, ""
    known = int(given)
    if known <= size:
        return known, ""
    told = f"it has {size} bytes, and the last one had {known}"
    return 0, f"this is another log, from its beginning: {told}"


def wants_events(accept: bytes) -> bool:
    """Whether an Accept header would rather have an event stream than plain text."""
    weights = dict(offers(accept))
    return weights.get(EVENT_STREAM, 0) > weights.get("text/plain", 0)


def no_roots(told: str = "") -> GatewayError:
    lies = f"; this one is {told}" if told else ""
    problem = f"this gateway reads no logs: LOG_ROOTS would say below which folders it may{lies}"
    return GatewayError(Code.NOT_FOUND, problem)
