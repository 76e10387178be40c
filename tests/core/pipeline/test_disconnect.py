"""A client that disconnects while its answer is being made."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any

import pytest
from starlette.types import Message, Receive, Scope, Send

from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.context import ClientGone, RequestContext
from gateway.core.pipeline.disconnect import CancelOnDisconnect
from gateway.core.pipeline.interceptors import Interceptor, Interceptors
from gateway.core.pipeline.middleware import ContextMiddleware
from tests.support.contexts import context_of
from tests.support.garbage import collected
from tests.support.patience import PATIENCE

pytestmark = pytest.mark.anyio

Task = asyncio.Task[None]


class Connection:
    """Our own server's object, whose client disconnects when the test says so."""

    def __init__(self) -> None:
        self.fields: dict[bytes, bytes] = {}
        self.refusal: GatewayError | None = None
        self.complete = True
        self.is_behind = False
        self.disconnected = False
        self.task: Task | None = None
        self.on_disconnect: Callable[[], object] | None = None
        self.problem: Exception | None = None
        """What a write raises."""

    def take_body(self) -> bytes | None:
        return None

    def answer(self, status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bool:
        if self.problem is not None:
            raise self.problem
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

    with CancelOnDisconnect(context_of("/"), receive):
        await asyncio.Event().wait()


async def served_by_our_server(outside: Callable[[Task], object]) -> None:
    """The same with our own server."""
    task, connection = current(), Connection()
    connection.task = task

    async def receive() -> dict[str, object]:
        raise AssertionError("nobody has to ask")

    def disconnect() -> None:
        outside(task)
        connection.disconnect()

    context = context_of("/")
    context.direct = connection
    with CancelOnDisconnect(context, receive):
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
    task = asyncio.create_task(served(lambda task: None))
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ClientGone):
            await task
    assert task.cancelling() == 0


@EITHER_SERVER
async def test_a_disconnect_does_not_hide_a_cancellation(served: Serve) -> None:
    """When somebody else cancels the task as well, it ends cancelled: a stop must not be lost."""
    task = asyncio.create_task(served(lambda task: task.cancel()))
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert task.cancelled()


GONE = [
    ConnectionResetError(),
    RuntimeError("unable to perform operation on <TCPTransport>; the handler is closed"),
]


@pytest.mark.parametrize("error", GONE, ids=["reset", "closed"])
async def test_a_write_to_nobody_is_a_disconnect(error: Exception) -> None:
    ended: list[RequestContext] = []

    class Ended(Interceptor):
        def end(self, context: RequestContext) -> None:
            ended.append(context)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    async def write(message: Message) -> None:
        raise error

    async def never() -> Message:
        raise AssertionError("nobody has to ask")

    outermost = ContextMiddleware(app, interceptors=Interceptors([Ended()]))
    scope: Scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "POST",
        "path": "/a.B/C",
        "query_string": b"",
        "headers": [],
        "client": None,
    }
    await outermost(scope, never, write)
    assert [(each.response.status, each.response.code) for each in ended] == [(499, Code.CANCELLED)]


@pytest.mark.parametrize("error", GONE, ids=["reset", "closed"])
def test_so_it_is_on_the_short_way(error: Exception) -> None:
    other = RuntimeError("something else")
    for raised, expected in ((error, ClientGone), (other, RuntimeError)):
        connection = Connection()
        connection.problem = raised
        with pytest.raises(expected):
            context_of("/a.B/C", direct=connection).answer(200, (), b"")


async def test_a_watcher_leaves_no_garbage() -> None:
    """It would keep its request, with all of its body."""

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    with collected(CancelOnDisconnect, RequestContext) as found:
        for _ in range(3):
            with CancelOnDisconnect(context_of("/"), receive):
                await asyncio.sleep(0)
            await asyncio.sleep(0)
    assert not found
