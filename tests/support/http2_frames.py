"""Servers of few words, for what no real one can be made to do at a given moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from tests.support.http2_server import raw_frame

PREFACE = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
DATA, HEADERS, SETTINGS, GOAWAY = 0, 1, 4, 7  # types of frames (RFC 9113, section 6)
ACK = END_STREAM = 1
END_HEADERS = 4
NOTHING_DONE = raw_frame(GOAWAY, 0, 0, bytes(8))
"""No call has been looked at (last stream 0), and nothing is wrong (error 0)."""


async def next_head(reader: asyncio.StreamReader) -> tuple[int, int]:
    """The kind and the stream of the next frame."""
    head = await reader.readexactly(9)
    await reader.readexactly(int.from_bytes(head[:3]))
    return head[3], int.from_bytes(head[5:9])


@dataclass
class LeavingServer:
    """It takes connections until the first call on one, then says `last` and is gone for good."""

    last: bytes
    after: float = 0  # seconds that it lets the call wait before
    endpoint: str = ""
    calls: int = 0


@asynccontextmanager
async def leaving_server(last: bytes, after: float = 0) -> AsyncIterator[LeavingServer]:
    leaving = LeavingServer(last, after)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, OSError):
            await reader.readexactly(PREFACE)
            writer.write(raw_frame(SETTINGS, 0, 0))
            while (await next_head(reader))[0] != HEADERS:
                pass
            leaving.calls += 1
            server.close()
            await asyncio.sleep(leaving.after)
            writer.write(leaving.last)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    leaving.endpoint = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield leaving
    finally:
        server.close()


@asynccontextmanager
async def silent_server(host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """The endpoint of a server that takes connections and never says anything."""
    connections: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: connections.append(writer), host, port)
    try:
        yield f"{host}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for connection in connections:
            connection.transport.abort()


@asynccontextmanager
async def web_server(status: int, page: bytes = b"") -> AsyncIterator[str]:
    """The endpoint of a web server that answers everything with this status and page.

    It speaks HTTP/2 with prior knowledge, as gRPC does, and no more of it than gRPC needs.
    """
    connections: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}
    # `:status` and `content-type`, by their numbers in HPACK's table (RFC 7541, appendix A).
    headers = b"\x08\x03%d" % status + b"\x0f\x10\x09text/html"
    flags = END_HEADERS if page else END_HEADERS | END_STREAM

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[asyncio.current_task()] = writer
        writer.write(raw_frame(SETTINGS, 0, 0) + raw_frame(SETTINGS, ACK, 0))
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readexactly(PREFACE)
            while True:
                kind, stream = await next_head(reader)
                if kind == HEADERS:
                    writer.write(raw_frame(HEADERS, flags, stream, headers))
                    if page:
                        writer.write(raw_frame(DATA, END_STREAM, stream, page))
                    await writer.drain()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for writer in connections.values():
            writer.close()
        await asyncio.gather(*filter(None, connections))
