"""The calls on one connection: those that wait for their turn, and those that are being made."""

import asyncio
from collections.abc import Callable

import grpc

from gateway.upstream.http2.frames import LARGEST_WINDOW, LAST_STREAM, Reason
from gateway.upstream.http2.sending import Sending
from gateway.upstream.http2.status import NotSent, failure, too_late
from gateway.upstream.http2.stream import Stream

HEADROOM = 16 * 32
"""What a server counts for our headers beyond their bytes: 32 for each field (section 6.5.2)."""


class Calls:
    """Makes unary calls, no more at once than the other side takes.

    `on_end` is called once, when no more calls should be made; `on_last` when the last of those
    that had begun is over after that.
    """

    def __init__(
        self, sending: Sending, *, on_end: Callable[[], object], on_last: Callable[[], object]
    ) -> None:
        self.streams: dict[int, Stream] = {}
        """Calls that have begun, by number."""
        self.next = 1
        """The number of the next call that begins."""
        self.most = LAST_STREAM
        """How many the other side takes at once."""
        self.most_headers = LARGEST_WINDOW
        """Bytes of headers that it takes of one call."""
        self.ended = False
        """Whether no more calls are made here."""
        self.last_active = 0.0
        """The loop's time at which the latest call has ended, or the first one could begin."""
        self._waiting: dict[Stream, None] = {}
        """Calls that have not begun, in their order (there are no values): the other side takes
        no more at once, or reads more slowly than we write."""
        self._sending = sending
        self._on_end = on_end
        self._on_last = on_last
        self._loop = asyncio.get_running_loop()

    @property
    def idle(self) -> bool:
        """Whether no call is being made."""
        return not self.streams and not self._waiting

    async def unary(self, head: bytes, message: bytes, deadline: float) -> bytes:
        """The answer's message, as Connection.unary promises it."""
        if self.ended:
            raise NotSent
        if len(head) + HEADROOM > self.most_headers:
            problem = "the call's headers are larger than Cuebot takes"
            raise failure(grpc.StatusCode.RESOURCE_EXHAUSTED, problem)
        stream = Stream(head, message, deadline, self._loop.create_future())
        if len(self.streams) < self.most and not self._waiting and not self._sending.paused:
            self._begin(stream)
        else:
            self._waiting[stream] = None
        timer = self._loop.call_at(deadline, self._late, stream)
        try:
            return await stream.answer
        except asyncio.CancelledError:
            self.drop(stream)
            raise
        finally:
            timer.cancel()
            del stream  # an error would hold itself: its traceback, this frame, the future

    def _late(self, stream: Stream) -> None:
        stream.fail(too_late())
        self.drop(stream)

    def _begin(self, stream: Stream) -> None:
        number = stream.number = self.next
        self.next = number + 2
        self.streams[number] = stream
        self._sending.send(stream)
        if self.next > LAST_STREAM:
            self.end()

    def go_on(self) -> None:
        """Begin what waits, as far as the other side takes it now."""
        while self._waiting and len(self.streams) < self.most and not self._sending.paused:
            stream = next(iter(self._waiting))
            del self._waiting[stream]
            self._begin(stream)

    # --- How a call ends --------------------------------------------------------------------

    def drop(self, stream: Stream) -> None:
        """Cancel a call: forget it, and tell the other side if it knows of it."""
        if stream.number == 0:
            self._waiting.pop(stream, None)
        elif self.streams.get(stream.number) is stream:
            self._sending.reset(stream, Reason.CANCEL)
            self.forget(stream)

    def finish(self, stream: Stream) -> None:
        """The other side has said all that it has to say."""
        if stream.unsent is not None:  # and does not want to hear the rest
            self._sending.reset(stream, Reason.NO_ERROR)
        self.forget(stream)

    def forget(self, stream: Stream) -> None:
        """A call is over for both sides. Another one may have its turn."""
        number = stream.number
        del self.streams[number]
        if self._sending.unsent:
            self._sending.unsent.pop(number, None)
        self.last_active = self._loop.time()
        if self._waiting:
            self.go_on()
        if self.ended and not self.streams:
            self._on_last()

    # --- How all of them end ----------------------------------------------------------------

    def end(self) -> None:
        """Begin no more calls. Those that have begun may still finish."""
        if not self.ended:
            self.ended = True
            waiting, self._waiting = self._waiting, {}
            for stream in waiting:
                stream.fail(NotSent())
            self._on_end()

    def end_after(self, last: int) -> None:
        """The same, and calls with a larger number have not been looked at (GOAWAY)."""
        self.end()
        for stream in [each for each in self.streams.values() if each.number > last]:
            stream.fail(NotSent())
            self.forget(stream)

    def fail(self, reason: str) -> None:
        """Whatever is under way will not be answered any more."""
        self.end()
        streams, self.streams = self.streams, {}
        self._sending.unsent.clear()
        for stream in streams.values():
            stream.fail(failure(grpc.StatusCode.UNAVAILABLE, reason))
