"""A client that disconnects while its answer is being made."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import pytest

from gateway.errors import GatewayError
from gateway.http.disconnect import CancelOnDisconnect
from gateway.http.exchange import ClientGone

pytestmark = pytest.mark.anyio

LONG = 20.0
Task = asyncio.Task[None]


class Connection:
    """Our own server's object, whose client disconnects when the test says so."""

    def __init__(self) -> None:
        self.refusal: GatewayError | None = None
        self.on_disconnect: Callable[[], object] | None = None

    def take_body(self) -> bytes | None:
        return None

    def answer(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bool:
        return False

    def abort(self) -> None: ...

    def disconnect(self) -> None:
        assert self.on_disconnect is not None
        self.on_disconnect()


async def served_by_another_server(outside: Callable[[Task], object]) -> None:
    """Works on an answer until the client disconnects, when `outside` happens as well."""
    task = current()

    async def receive() -> dict[str, object]:
        outside(task)
        return {"type": "http.disconnect"}

    with CancelOnDisconnect(receive, None):
        await asyncio.Event().wait()


async def served_by_our_server(outside: Callable[[Task], object]) -> None:
    """The same with our own server."""
    task, connection = current(), Connection()

    async def receive() -> dict[str, object]:
        raise AssertionError("nobody has to ask")

    def disconnect() -> None:
        outside(task)
        connection.disconnect()

    with CancelOnDisconnect(receive, connection):
        asyncio.get_running_loop().call_soon(disconnect)
        await asyncio.Event().wait()


def current() -> Task:
    task = asyncio.current_task()
    assert task is not None
    return task


Serve = Callable[[Callable[[Task], object]], Coroutine[Any, Any, None]]
EITHER_SERVER = pytest.mark.parametrize(
    "served", [served_by_another_server, served_by_our_server], ids=["another", "ours"]
)


@EITHER_SERVER
async def test_a_disconnect_alone_is_a_client_gone(served: Serve) -> None:
    """The body of a client that went away ends in ClientGone, and nothing stays cancelled."""
    task = asyncio.create_task(served(lambda task: None))
    async with asyncio.timeout(LONG):
        with pytest.raises(ClientGone):
            await task
    assert task.cancelling() == 0


@EITHER_SERVER
async def test_a_disconnect_does_not_hide_a_cancellation(served: Serve) -> None:
    """When somebody else cancels the task as well, it ends cancelled: a stop must not be lost."""
    task = asyncio.create_task(served(lambda task: task.cancel()))
    async with asyncio.timeout(LONG):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert task.cancelled()
