"""Cancelling work when its client disconnects."""

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from types import TracebackType

from starlette.types import Receive

from gateway.core.pipeline.context import ClientGone, RequestContext


class CancelOnDisconnect:
    """`with CancelOnDisconnect(context, receive): …` cancels its body on a disconnect.

    The body ends in ClientGone, and does not begin if the client is already gone. The whole
    request body must have been read. The gateway's own server calls back on a disconnect; with
    others a task awaits `receive`, which some of them also end with a disconnect when the answer
    ends.
    """

    __slots__ = ("_context", "_direct", "_disconnected", "_receive", "_task", "_watcher")

    def __init__(self, context: RequestContext, receive: Receive) -> None:
        self._context = context
        self._receive = receive
        self._direct = context.direct
        self._disconnected = False
        self._watcher: asyncio.Task[None] | None = None

    def __enter__(self) -> None:
        if self._direct is not None and self._direct.disconnected:
            raise ClientGone
        direct = self._direct
        task = asyncio.current_task() if direct is None else direct.task
        assert task is not None
        self._task = task
        if direct is None:
            self._watcher = asyncio.create_task(self._watch())
        else:
            direct.on_disconnect = self._cancel

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        if not self._context.response.is_complete:
            self._cancel()

    def _cancel(self) -> None:
        self._disconnected = True
        self._task.cancel()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._direct is not None:
            self._direct.on_disconnect = None
        elif self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None  # its exception keeps its frame, which has `self`
        # Another cancellation of the task takes precedence.
        if self._disconnected and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise ClientGone from None


async def stream_until_gone(
    context: RequestContext, receive: Receive, stream: Callable[[], Awaitable[None]]
) -> None:
    """Write a stream, whose usual end is that its client leaves. Its time was asked for.

    Raises ClientGone for a client that does not read.
    """
    began = monotonic()
    is_cut_off = False
    try:
        with CancelOnDisconnect(context, receive):
            try:
                await stream()
            except ClientGone:  # by a write, and perhaps before the server knows
                is_cut_off = context.direct is None or not context.direct.disconnected
                raise
    except ClientGone:
        if is_cut_off:
            raise
    finally:
        context.note_wait(monotonic() - began, as_asked=True)
