"""Noticing that a client has hung up while its answer is being made."""

import asyncio
from types import TracebackType

from starlette.types import Receive

from gateway.http.exchange import ClientGone

GRACE = 0.02
"""Seconds between two rounds. Somebody starts to watch a client whose answer has been in the making
for a whole one: most calls are over by then, and a timer or a task for each is not free."""


class HangUps:
    """`with hang_ups.watch(receive): …` cancels its body when the client goes away.

    The body then ends in ClientGone. `receive` must have handed out the whole request body. To be
    made inside the event loop.
    """

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._new: set[HangUpWatch] = set()
        self._waiting: set[HangUpWatch] = set()
        """Those that were there in the last round."""
        self._round: asyncio.TimerHandle | None = None

    def watch(self, receive: Receive) -> "HangUpWatch":
        """What to hold while an answer is made."""
        return HangUpWatch(self, receive)

    def add(self, watch: "HangUpWatch") -> None:
        """Look at this one in the round after the next one."""
        self._new.add(watch)
        if self._round is None:
            self._round = self.loop.call_later(GRACE, self._go_round)

    def remove(self, watch: "HangUpWatch") -> None:
        """Its answer is made."""
        self._new.discard(watch)
        self._waiting.discard(watch)

    def _go_round(self) -> None:
        for watch in self._waiting:
            watch.start()
        self._waiting, self._new = self._new, set()
        self._round = self.loop.call_later(GRACE, self._go_round) if self._waiting else None


class HangUpWatch:
    """The watch over one client."""

    __slots__ = ("_gone", "_hang_ups", "_receive", "_task", "_watcher")

    def __init__(self, hang_ups: HangUps, receive: Receive) -> None:
        self._hang_ups = hang_ups
        self._receive = receive
        self._gone = False
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        task = asyncio.current_task(self._hang_ups.loop)
        assert task is not None
        self._task = task
        self._hang_ups.add(self)

    def start(self) -> None:
        """Ask the server from now on whether the client is there."""
        self._watcher = asyncio.create_task(self._watch())

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
        self._hang_ups.remove(self)
        if self._watcher is not None:
            self._watcher.cancel()
        # Somebody else may have cancelled the task as well, and then that counts.
        if self._gone and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise ClientGone from None
