"""Servers of few words, for what no real one can be made to do at a given moment."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

PREFACE = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
HEADERS, SETTINGS, GOAWAY = 1, 4, 7  # types of frames (RFC 9113, section 6)


def frame(kind: int, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, 0)) + bytes(4) + payload


NOTHING_DONE = frame(GOAWAY, bytes(8))
"""No call has been looked at (last stream 0), and nothing is wrong (error 0)."""


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
            writer.write(frame(SETTINGS))
            while True:
                head = await reader.readexactly(9)
                await reader.readexactly(int.from_bytes(head[:3], "big"))
                if head[3] == HEADERS:
                    break
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
    server = await asyncio.start_server(
        lambda reader, writer: connections.append(writer), host, port
    )
    try:
        yield f"{host}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for connection in connections:
            connection.transport.abort()
