"""Clients that keep a gateway busy with what they send: tiny chunks, heads without end."""

import asyncio
import multiprocessing
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import uvloop

CHUNKED_HEAD = "POST {path} HTTP/1.1\r\nHost: gateway\r\nTransfer-Encoding: chunked\r\n{lines}\r\n"
READY = 3.0
"""Seconds until a process of senders has started and is at its full rate."""
HEAD_BEGINNING = b"GET / HTTP/1.1\r\nHost: gateway\r\nX-Long: "


@dataclass(frozen=True, slots=True, kw_only=True)
class Senders:
    """Clients that send one endless body each, and connect again when they are closed."""

    connections: int
    head: bytes
    chunk: bytes
    """What is sent again and again."""
    rate: float | None = None
    """Bytes per second of all together; None for as many as they can."""


def chunked_head(path: str, token: str | None) -> bytes:
    """The head of a request whose body comes in chunks."""
    lines = "" if token is None else f"Authorization: Bearer {token}\r\n"
    return CHUNKED_HEAD.format(path=path, lines=lines).encode()


@contextmanager
def sending(port: int, senders: Senders) -> Iterator[None]:
    """A process with these clients."""
    process = multiprocessing.get_context("spawn").Process(
        target=send, args=(port, senders), daemon=True
    )
    process.start()
    try:
        time.sleep(READY)
        yield
    finally:
        process.terminate()
        process.join()


def send(port: int, senders: Senders) -> None:
    """Send until the process is ended."""

    async def one() -> None:
        loop = asyncio.get_running_loop()
        size = 64 * 1024 if senders.rate is None else 4 * 1024
        piece = senders.chunk * (size // len(senders.chunk))
        pause = 0.0 if senders.rate is None else len(piece) * senders.connections / senders.rate
        while True:
            with socket.socket() as client, suppress(OSError):
                client.setblocking(False)
                await loop.sock_connect(client, ("127.0.0.1", port))
                await loop.sock_sendall(client, senders.head)
                while True:
                    await loop.sock_sendall(client, piece)
                    await asyncio.sleep(pause)
            await asyncio.sleep(0.001)

    async def all_of_them() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(senders.connections):
                group.create_task(one())
                if senders.rate is not None:
                    await asyncio.sleep(1 / senders.connections * (number > 0))

    uvloop.run(all_of_them())


@contextmanager
def unfinished_heads(port: int, count: int, size: int) -> Iterator[None]:
    """So many connections with so many bytes of a head each."""
    with ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            with suppress(OSError):  # it is refused meanwhile
                client.sendall(HEAD_BEGINNING + b"x" * (size - len(HEAD_BEGINNING)))
        yield
