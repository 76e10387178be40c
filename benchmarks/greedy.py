"""Clients that take more than their part: they read slowly, ask for much, or fall silent."""

import asyncio
import gzip
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

from benchmarks.client import Connection, connect

SIP = 1024
"""Bytes per second that a slow reader reads."""
RECEIVE_BUFFER = 64 * 1024


@asynccontextmanager
async def slow_readers(port: int, requests: Sequence[bytes]) -> AsyncIterator[None]:
    """Clients that send a request each and read the answer at SIP bytes per second."""
    loop = asyncio.get_running_loop()

    async def one(request: bytes) -> None:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            client.setblocking(False)
            with suppress(OSError):  # it is let go
                await loop.sock_connect(client, ("127.0.0.1", port))
                await loop.sock_sendall(client, request)
                while await loop.sock_recv(client, SIP):  # noqa: ASYNC110 - that is how slow they are
                    await asyncio.sleep(1)

    tasks = [asyncio.create_task(one(request)) for request in requests]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def silent_senders(port: int, heads: Sequence[bytes], body: bytes) -> AsyncIterator[None]:
    """Clients that send a head and the beginning of its body, and nothing more."""
    writers: list[asyncio.StreamWriter] = []
    try:
        for head in heads:
            _, writer = await asyncio.open_connection("127.0.0.1", port)  # noqa: TID251 - as below
            writers.append(writer)
            writer.write(head + body)
            await writer.drain()
        yield
    finally:
        for writer in writers:
            writer.close()


def unfinished_gzip(size: int) -> bytes:
    """The gzip of so many zeros, without its end: a few KB."""
    return gzip.compress(bytes(size), 9)[:-16]


async def all_at_once(port: int, requests: Sequence[bytes]) -> Counter[int]:
    """Send all of them at once, each on its own connection; the statuses of the answers."""
    connections: list[Connection] = [await connect(port) for _ in requests]
    asked = (each.ask(request) for each, request in zip(connections, requests, strict=True))
    statuses = await asyncio.gather(*asked, return_exceptions=True)
    for each in connections:
        each.close()
    return Counter(0 if isinstance(status, BaseException) else status for status in statuses)


async def times_of(port: int, request: bytes, count: int) -> list[float]:
    """Seconds that each of so many requests takes, one after the other. Raises OSError."""
    times = []
    for _ in range(count):
        connection = await connect(port)
        began = time.perf_counter()
        status = await connection.ask(request)
        times.append(time.perf_counter() - began if status == 200 else float("inf"))
        connection.close()
    return times
