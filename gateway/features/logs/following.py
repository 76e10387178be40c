"""Following a log: what is written from now on, until its frame is done."""

import asyncio
import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import partial
from time import monotonic
from typing import Any, NamedTuple, Protocol
from weakref import WeakValueDictionary

import orjson
from starlette.types import Send

from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.event_stream import COMMENT, RETRY, STREAM_HEADERS
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.pipeline.slow_reader import write_pieces
from gateway.core.schema.catalog import Catalog
from gateway.features.logs.attempts import open_attempt, state_at
from gateway.features.logs.frames import FrameFinder, logs_of
from gateway.features.logs.limits import LogLimits
from gateway.features.logs.log_file import LogFile, NotThere
from gateway.features.logs.roots import Place
from gateway.features.logs.threads import Threads

PIECE_BYTES = 64 * 1024
"""Read and sent at once."""
PLAIN_HEADERS = ((b"content-type", b"text/plain; charset=utf-8"), STREAM_HEADERS[1])
BREAK = re.compile(rb"\r\n|\n|\r")
"""A line's end, in event streams: what draws over its line ends it, too."""


class Found(NamedTuple):
    """A frame, its job, and where its log is."""

    catalog: Catalog
    job: Any
    frame: Any
    place: Place


# --- the states of frames --------------------------------------------------------------------


class Known:
    """Whether a frame is done, for all who follow it and see the same."""

    def __init__(self) -> None:
        self.is_done = False
        self.asked_at = 0.0
        self.turn = asyncio.Lock()

    def learn(self, *, is_done: bool) -> None:
        """What Cuebot has just said."""
        self.is_done = is_done
        self.asked_at = monotonic()


class FrameStates:
    """Asks for the state of a frame once in `seconds`, however many follow it."""

    def __init__(self, finder: FrameFinder, interceptors: Interceptors, seconds: float) -> None:
        self._finder = finder
        self._seconds = seconds
        self._interceptors = interceptors
        self._known: WeakValueDictionary[Hashable, Known] = WeakValueDictionary()

    def of(self, context: RequestContext, found: Found) -> Known:
        """What is known of a frame that has just been found, also to those who follow it."""
        method = logs_of(found.catalog).frame.method
        seen = self._interceptors.calls.part_seen(context, method, found.catalog)
        key = (id(found.catalog), found.job.id, found.frame.id, seen)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = Known()
        known.learn(is_done=is_done(found))
        return known

    async def look(self, context: RequestContext, found: Found, known: Known) -> bool:
        """Whether the frame is done. Raises GatewayError (NOT_FOUND) if it is there no more."""
        async with known.turn:
            if monotonic() - known.asked_at >= self._seconds:
                try:
                    frame = await self._finder.frame(
                        context, found.catalog, found.job, found.frame.id
                    )
                    known.is_done = is_done(found._replace(frame=frame))
                except GatewayError as error:
                    if error.code is Code.NOT_FOUND:
                        raise
                    # Cuebot may be back soon.
                finally:
                    known.asked_at = monotonic()
        return known.is_done


def is_done(found: Found) -> bool:
    done: bool = found.frame.state in logs_of(found.catalog).done
    return done


def not_there_yet(found: Found) -> str:
    """What is told to whoever waits for the log of a frame."""
    states = found.frame.DESCRIPTOR.fields_by_name["state"].enum_type.values_by_number
    number = found.frame.state
    state = states[number].name if number in states else number
    return f"the log is not there yet: frame {found.frame.name} is {state}"


# --- the forms of a stream -------------------------------------------------------------------


class Form(Protocol):
    """How what is read of a log is sent."""

    @property
    def headers(self) -> Iterable[tuple[bytes, bytes]]:
        """Of the answer."""

    def begin(self) -> bytes:
        """What comes before all else."""

    def lines(self, content: bytes, end: int) -> bytes:
        """Whole lines, up to this offset; at the end of the log, perhaps a part of one."""

    def waits(self, reason: str) -> bytes:
        """That there is no log yet. All of it will be sent."""

    def silence(self) -> bytes:
        """What tells that there is still a stream."""

    def end(self, reason: str, *, is_gone: bool) -> bytes:
        """What comes last, with the reason, if it is another than that the frame is done. What is
        there once a log `is_gone` is another one.
        """


class PlainForm:
    headers = PLAIN_HEADERS

    def __init__(self) -> None:
        self._is_in_line = False

    def begin(self) -> bytes:
        return b""

    def lines(self, content: bytes, end: int) -> bytes:
        self._is_in_line = not content.endswith(b"\n")
        return content

    def waits(self, reason: str) -> bytes:
        return f"[{reason}]\n".encode()

    def silence(self) -> bytes:
        return b""

    def end(self, reason: str, *, is_gone: bool) -> bytes:
        start = "\n" if self._is_in_line else ""
        return f"{start}[{reason}]\n".encode() if reason else b""


class EventForm:
    headers = STREAM_HEADERS

    def __init__(self, at: int, restart: str = "") -> None:
        """`restart` is why all of the log comes, and not what follows the client's last event."""
        self._at = at
        self._restart = restart

    def begin(self) -> bytes:
        if not self._restart:
            return RETRY
        return RETRY + self._event(b"restart", {"reason": self._restart})

    def lines(self, content: bytes, end: int) -> bytes:
        self._at = end
        lines = BREAK.split(content)
        if not lines[-1]:  # behind the last break
            del lines[-1]
        return b"id: %d\n%s\n" % (end, b"".join(b"data: %s\n" % line for line in lines))

    def waits(self, reason: str) -> bytes:
        self._at = 0  # whoever is lost meanwhile goes on there
        return self._event(b"waiting", {"reason": reason})

    def silence(self) -> bytes:
        return COMMENT

    def end(self, reason: str, *, is_gone: bool) -> bytes:
        if is_gone:
            self._at = 0  # whoever comes back has nothing of the other one
        return self._event(b"end", {"reason": reason}) if reason else self._event(b"done", {})

    def _event(self, kind: bytes, told: Mapping[str, str]) -> bytes:
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self._at, kind, orjson.dumps(told))


def whole_lines(content: bytes) -> int:
    """How many bytes of it are whole lines. A carriage return ends one unless a line feed may still
    come.
    """
    feed = content.rfind(b"\n")
    return max(feed, content.rfind(b"\r", feed + 1, len(content) - 1)) + 1


# --- a follower ------------------------------------------------------------------------------


class Follower:
    """Who follows a log."""

    def __init__(
        self,
        context: RequestContext,
        found: Found,
        log: LogFile | None,
        *,
        threads: Threads,
        states: FrameStates,
        check: Callable[[RequestContext], None],
        limits: LogLimits,
        timeout: float,
    ) -> None:
        """Without a `log`, it is waited for. `check` raises GatewayError if the caller may not go
        on. `timeout` is in seconds, for the client to read on.
        """
        self.log = log
        """To be closed."""
        self._context = context
        self._found = found
        self._run = partial(threads.run, context.principal)
        self._states = states
        self._known = states.of(context, found)
        self._check = check
        self._limits = limits
        self._timeout = timeout
        self._looked_at = self._wrote_at = monotonic()

    async def follow(self, start: int, form: Form, send: Send) -> None:
        """Send what is written from an offset on. Raises ClientGone."""
        await self._write(form.begin(), send)
        is_gone = False
        try:
            log = await self._there(form, send)
            reason = await self._follow_on(log, start, form, send)
            is_gone = bool(reason)
        except GatewayError as error:
            reason = error.message
        await self._write(form.end(reason, is_gone=is_gone), send)
        await send({"type": "http.response.body", "body": b""})

    async def _there(self, form: Form, send: Send) -> LogFile:
        """The log, once it is there. Raises ClientGone, and GatewayError if it never will be."""
        if self.log is None:
            await self._write(form.waits(not_there_yet(self._found)), send)
        while self.log is None:
            is_due = await self._pause(form, send)
            if not is_due:
                continue
            is_over = await self._look()
            try:
                opened = partial(open_attempt, self._found.place, None)
                self.log = await self._run(opened, unwanted=LogFile.close)
            except NotThere as error:
                if is_over:
                    raise GatewayError(error.code, "the frame is done, and has no log") from None
        return self.log

    async def _follow_on(self, log: LogFile, start: int, form: Form, send: Send) -> str:
        """What has become of the log, if it does not end because the frame is done. Raises
        ClientGone, and GatewayError for an end at once.
        """
        at, file = start, (await self._run(log.state)).file
        reason, is_over, is_due = "", self._known.is_done, False
        while True:
            become, content = await self._run(partial(self._read_on, log, file, at, by_path=is_due))
            reason = reason or become
            is_over = is_over or bool(reason)
            is_full = len(content) == PIECE_BYTES
            size = whole_lines(content)
            if is_over or is_full:
                size = size if is_full and size else len(content)
            if size:
                at = at + size
                await self._write(form.lines(content[:size], at), send)
            if is_full:
                is_due = False
                self._check(self._context)
                continue
            if is_over:
                return reason
            is_due = await self._pause(form, send)
            if is_due:
                is_over = await self._look()

    async def _pause(self, form: Form, send: Send) -> bool:
        """Until the next look at the file. Whether one at the frame is due, and at the path.

        Raises ClientGone, and GatewayError if the caller may not go on.
        """
        limits = self._limits
        if monotonic() - self._wrote_at >= limits.silent_seconds:
            self._wrote_at = monotonic()  # also where silence has no form
            await self._write(form.silence(), send)
        await asyncio.sleep(limits.tick_seconds)
        self._check(self._context)
        return monotonic() - self._looked_at >= limits.poll_seconds

    async def _look(self) -> bool:
        """Whether the frame is done. Raises GatewayError if it is there no more."""
        self._looked_at = monotonic()
        return await self._states.look(self._context, self._found, self._known)

    def _read_on(
        self, log: LogFile, file: tuple[int, int], at: int, *, by_path: bool
    ) -> tuple[str, bytes]:
        """What has become of the file, if nothing more will be written to it, and what it has then
        from an offset on. Blocks. Raises GatewayError.
        """
        reason = self._replaced(file) if by_path else ""
        size = log.state().size
        if size < at and not reason:
            reason = f"the log has been cut off: it has {size} bytes now"
        return reason, log.read(at, at + PIECE_BYTES) if size > at else b""

    def _replaced(self, file: tuple[int, int]) -> str:
        """What has become of the file, by its path. Blocks."""
        try:  # which also makes a network's file system ask its server
            now = state_at(self._found.place)
        except GatewayError:
            now = None
        if now is None:
            return "the log has been deleted, or moved"
        if now.file != file:
            return "the log has been moved: another one has begun in its place"
        return ""

    async def _write(self, piece: bytes, send: Send) -> None:
        if piece:
            self._wrote_at = monotonic()
            await write_pieces(self._context, send, self._timeout, (piece,))
