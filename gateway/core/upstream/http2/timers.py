"""What time does to a connection: deadlines of calls, silence, pings, and an end when idle."""

from asyncio import TimerHandle, get_running_loop
from collections.abc import Callable
from math import inf

import structlog

from gateway.core.upstream.http2.calls import Calls
from gateway.core.upstream.http2.core import Core
from gateway.core.upstream.interface import ChannelOptions

log = structlog.stdlib.get_logger("gateway.upstream")

TIMER_STEP_SECONDS = 0.001


class Deadlines:
    """Fails calls at their deadlines, with one timer: a timer per call costs more."""

    def __init__(self, calls: Calls) -> None:
        self.next = inf
        """When the timer fires: at or before the earliest deadline."""
        self._calls = calls
        self._timer: TimerHandle | None = None

    def watch(self, earliest: float) -> None:
        self.stop()
        self.next = earliest
        self._timer = get_running_loop().call_at(earliest, self._fail_late)

    def _fail_late(self) -> None:
        self._timer, self.next = None, inf
        earliest = self._calls.expire(get_running_loop().time() + TIMER_STEP_SECONDS)
        if earliest < inf:
            self.watch(earliest)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()


class Silence:
    """Calls that wait without any answer: tells after `patience` seconds, and after each more."""

    def __init__(self, calls: Calls, patience: float, tell: Callable[[], None]) -> None:
        self.since = 0.0
        """Loop time since which calls have waited without any answer; 0 if none waits. Kept when
        the call is given up, since the silence goes on."""
        self.timer: TimerHandle | None = None
        """Not reset by answers: when it fires, it checks the time of the latest answer. None while
        no call waits."""
        self._calls = calls
        self._patience = patience
        self._tell = tell

    def watch(self) -> None:
        """Check at the end of `patience`, then after each further `patience`."""
        loop = get_running_loop()
        now, silent_at = loop.time(), self.since + self._patience
        self.timer = loop.call_at(
            silent_at if silent_at > now else now + self._patience, self._look
        )

    def _look(self) -> None:
        self.timer = None
        now = get_running_loop().time() + TIMER_STEP_SECONDS
        silent = self.since and self.since + self._patience <= now
        if silent and not any(each.begun for each in self._calls.streams.values()):
            self._tell()
        if not self._calls.idle:
            self.watch()

    def stop(self) -> None:
        if self.timer is not None:
            self.timer.cancel()


class Keepalive:
    """Pings, of which one at most is unanswered, and the end of what has been idle for too long."""

    def __init__(self, core: Core, options: ChannelOptions, give_up: Callable[[str], None]) -> None:
        """`give_up` is called with the reason, once a ping has not been answered."""
        self.heard_at = 0.0
        """Loop time of the peer's latest data."""
        self._core = core
        self._options = options
        self._give_up = give_up
        self._pong: TimerHandle | None = None
        self._upkeep: TimerHandle | None = None
        self._doubted_at = -1.0
        """When the latest answer before the latest probe ended."""

    def look_after(self) -> None:
        """Close the connection when idle for too long; send pings during calls."""
        options, calls, loop = self._options, self._core.calls, get_running_loop()
        left = self.heard_at + options.idle_timeout - loop.time()
        if calls.idle and left <= 0:
            calls.close()
            return
        delay = max(left, 1.0) if calls.idle else options.idle_timeout
        if options.keepalive_time:
            delay = min(delay, options.keepalive_time)
            if not calls.idle:
                self._ping(options.keepalive_timeout)
        self._upkeep = loop.call_later(delay, self.look_after)

    def probe(self, timeout: float) -> None:
        """Ping once between two answers: at a third ping without one, grpc-java closes.

        Gives up unless the peer sends anything within `timeout` seconds. The ping may be queued
        behind a large request.
        """
        answered_at = self._core.answers.ended_at
        if self._doubted_at != answered_at:
            self._doubted_at = answered_at
            self._ping(timeout)

    def _ping(self, timeout: float) -> None:
        if self._pong is None:
            loop = get_running_loop()
            self._pong = loop.call_later(timeout, self._miss, loop.time())
            self._core.ping()

    def _miss(self, pinged_at: float) -> None:
        self._pong = None
        if self.heard_at < pinged_at:
            log.warning("Cuebot answers no ping; its connection is given up")
            self._give_up("a ping was not answered")

    def on_pong(self) -> None:
        if self._pong is not None:
            self._pong.cancel()
            self._pong = None

    def stop(self) -> None:
        for timer in (self._pong, self._upkeep):
            if timer is not None:
                timer.cancel()
