"""Threads for what may block for long: storage on the network."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from gateway.core.errors import Code, GatewayError, OwnCause, unavailable
from gateway.core.fair_quota import FairSemaphore, Weight, reserve_of

LOGS = OwnCause("logs")
Result = TypeVar("Result")
Work = tuple[Callable[[], Any], Future[Any]]


class Threads:
    """A few threads that principals share fairly. One that hangs keeps its place, and does not keep
    the process from ending.
    """

    def __init__(self, number: int, most_waiting: int, weight: Weight, seconds: float) -> None:
        """`number` is for a single principal, `most_waiting` for those that wait for a thread, and
        `seconds` for the wait, and then for the work.
        """
        self._turns = FairSemaphore(number, most_waiting, weight)
        self._seconds = seconds
        self._most = number + reserve_of(number)
        self._queue: SimpleQueue[Work] = SimpleQueue()
        self._started = 0
        self._busy = 0

    async def run(
        self,
        principal: str,
        work: Callable[[], Result],
        unwanted: Callable[[Result], object] | None = None,
    ) -> Result:
        """What the work returns, or raises; GatewayError without a thread, or an end, in time.

        Work that nobody waits for any more goes on to its end. Its result is `unwanted`, for which
        that is called in the thread.
        """
        if not await self._turns.take(principal, 1, self._seconds):
            raise unavailable("too many logs are being read", LOGS)
        future = self._begin(principal, work)
        try:
            async with asyncio.timeout(self._seconds):
                return await asyncio.shield(asyncio.wrap_future(future))
        except BaseException as error:
            if unwanted is not None:
                future.add_done_callback(lambda done: done.exception() or unwanted(done.result()))
            if isinstance(error, TimeoutError):
                problem = f"the storage of the logs did not answer in {self._seconds:g} s"
                raise GatewayError(Code.DEADLINE_EXCEEDED, problem) from None
            raise

    def run_later(self, work: Callable[[], object]) -> None:
        """Work that is short, and that nobody waits for."""
        self._put(work, Future())

    def _begin(self, principal: str, work: Callable[[], Result]) -> "Future[Result]":
        loop, future = asyncio.get_running_loop(), Future[Result]()

        def is_over(_: object) -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(self._give_back, principal)

        future.add_done_callback(is_over)
        self._busy += 1
        self._put(work, future)
        return future

    def _give_back(self, principal: str) -> None:
        self._busy -= 1
        self._turns.give_back(principal, 1)

    def _put(self, work: Callable[[], Any], future: "Future[Any]") -> None:
        if self._started < min(self._most, self._busy + 1):
            self._started += 1
            Thread(target=serve, args=(self._queue,), name="logs", daemon=True).start()
        self._queue.put((work, future))


def serve(queue: "SimpleQueue[Work]") -> None:
    while True:
        work, future = queue.get()
        try:
            found = work()
        except BaseException as error:  # whoever waits is told
            future.set_exception(error)
        else:
            future.set_result(found)
            del found
        del work, future
