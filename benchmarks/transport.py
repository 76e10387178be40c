"""What a unary call to Cuebot costs this process: our HTTP/2, grpc.aio, and one over h2.

`python -m benchmarks.transport`. The server is a process of its own; only this one's CPU counts,
with all of its threads. Clients take turns, round by round, so that what else the machine does
falls on all of them alike, and ratios are of neighbours.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import cast

import grpc.aio
import uvloop
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RemoteSettingsChanged, StreamEnded

from gateway.upstream.endpoint import Endpoint
from gateway.upstream.grpcio import GrpcioChannel
from gateway.upstream.http2.channel import Http2Channel
from gateway.upstream.interface import Channel, ChannelOptions

Call = Callable[[bytes], Awaitable[bytes]]
PATH = "/benchmark.Echo/Call"
METADATA = (("x-request-id", "0123456789abcdef"), ("x-forwarded-for", "10.0.0.1"))
TIMEOUT = 30.0


async def serve() -> None:
    """Echo on a free port, printed first, until standard input ends."""

    async def echo(request: bytes, context: object) -> bytes:
        return request

    server = grpc.aio.server()
    handler: grpc.RpcMethodHandler[bytes, bytes] = grpc.unary_unary_rpc_method_handler(echo)
    _, service, method = PATH.split("/")
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(service, {method: handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


class H2Client(asyncio.Protocol):
    """As little as it takes over h2: no deadlines, no statuses, small messages only."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self.h2.initiate_connection()
        self.transport.write(self.h2.data_to_send())
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.answers: dict[int, asyncio.Future[bytes]] = {}
        self.parts: dict[int, list[bytes]] = {}

    def data_received(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            if isinstance(event, DataReceived):
                self.parts[event.stream_id].append(event.data)
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                answer = b"".join(self.parts.pop(event.stream_id))[5:]
                self.answers.pop(event.stream_id).set_result(answer)
            elif isinstance(event, RemoteSettingsChanged) and not self.ready.done():
                self.ready.set_result(None)
        self.transport.write(self.h2.data_to_send())

    async def call(self, message: bytes) -> bytes:
        stream = self.h2.get_next_available_stream_id()
        answer = self.answers[stream] = asyncio.get_running_loop().create_future()
        self.parts[stream] = []
        headers = [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":path", PATH.encode()),
            (b":authority", b"localhost"),
            (b"te", b"trailers"),
            (b"content-type", b"application/grpc"),
            *[(name.encode(), value.encode()) for name, value in METADATA],
        ]
        self.h2.send_headers(stream, headers)
        self.h2.send_data(stream, b"\x00" + len(message).to_bytes(4, "big") + message, True)
        self.transport.write(self.h2.data_to_send())
        received: bytes = await answer
        return received


OPTIONS = ChannelOptions(max_message=2**28)


@asynccontextmanager
async def over(channel: Channel, endpoint: str) -> AsyncIterator[Call]:
    upstream = Endpoint(endpoint, channel)
    yield lambda message: upstream.call(PATH, message, TIMEOUT, METADATA)
    await upstream.close()


def over_http2(port: int) -> AbstractAsyncContextManager[Call]:
    endpoint = f"127.0.0.1:{port}"
    return over(Http2Channel(endpoint, OPTIONS), endpoint)


def over_grpc_aio(port: int) -> AbstractAsyncContextManager[Call]:
    endpoint = f"127.0.0.1:{port}"
    return over(GrpcioChannel(endpoint, OPTIONS), endpoint)


@asynccontextmanager
async def over_h2(port: int) -> AsyncIterator[Call]:
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_connection(H2Client, "127.0.0.1", port)
    await client.ready
    yield client.call
    transport.close()


CLIENTS = {"grpc.aio": over_grpc_aio, "http2": over_http2, "h2": over_h2}


async def cost(call: Call, message: bytes, calls: int, concurrency: int) -> float:
    """Microseconds of CPU for each of so many calls."""
    todo = iter(range(calls))

    async def caller() -> None:
        for _ in todo:
            if await call(message) != message:
                raise AssertionError("another answer")

    before = time.process_time()
    await asyncio.gather(*[caller() for _ in range(concurrency)])
    return (time.process_time() - before) / calls * 1e6


async def measure(port: int, size: int, calls: int, concurrency: int, rounds: int) -> None:
    message = bytes(size)
    costs: dict[str, list[float]] = {name: [] for name in CLIENTS}
    async with AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(client(port)) for name, client in CLIENTS.items()
        }
        for call in clients.values():
            await cost(call, message, calls // 4 + 1, concurrency)
        for _ in range(rounds):
            for name, call in clients.items():
                costs[name].append(await cost(call, message, calls, concurrency))
    for name, found in costs.items():
        ratio = statistics.median(
            mine / other for mine, other in zip(found, costs["grpc.aio"], strict=True)
        )
        print(
            f"{size:9} {concurrency:11}  {name:9} {statistics.median(found):8.1f} {min(found):8.1f}"
            f" {ratio:9.2f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--calls", type=int, default=2000, help="in each round")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--sizes", type=int, nargs="+", default=[200, 50_000])
    parser.add_argument("--concurrency", type=int, nargs="+", default=[1, 32])
    given = parser.parse_args()
    if given.serve:
        uvloop.run(serve())
        return
    command = [sys.executable, "-m", "benchmarks.transport", "--serve"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe) as server:  # noqa: S603 - ourselves
        assert server.stdin is not None
        assert server.stdout is not None
        port = int(server.stdout.readline())
        print("CPU of the client, microseconds per call; ratio: median of rounds, to grpc.aio's")
        print(f"{'bytes':>9} {'concurrency':>11}  {'client':9} {'median':>8} {'least':>8} ratio")
        for size in given.sizes:
            calls = max(given.calls // (1 + size // 20_000), 50)
            for concurrency in given.concurrency:
                uvloop.run(measure(port, size, calls, concurrency, given.rounds))
        server.stdin.close()


if __name__ == "__main__":
    main()
