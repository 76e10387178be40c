"""Noticing that a client has hung up while its answer is being made."""

import asyncio
from types import TracebackType

from starlette.types import Receive

from gateway.exchange import ClientGone

GRACE = 0.02
"""Seconds until somebody starts to watch: most calls are over by then, and a task is not free."""


class HangUpWatch:
    """`with HangUpWatch(receive): …` cancels its body when the client goes away.

    The body then ends in ClientGone. `receive` must have handed out the whole request body.
    """

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._gone = False
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._task = task
        self._loop = task.get_loop()
        self._timer = self._loop.call_later(GRACE, self._start)

    def _start(self) -> None:
        self._watcher = self._loop.create_task(self._watch())

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._gone = True
        self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()
        # Somebody else may have cancelled the task as well, and then that counts.
        if self._gone and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise ClientGone from None
