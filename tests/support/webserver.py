"""A plain web server, for tests of what gRPC makes of one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

DATA, HEADERS, SETTINGS = 0, 1, 4
ACK = END_STREAM = 1
END_HEADERS = 4


@asynccontextmanager
async def web_server(status: int, page: bytes = b"") -> AsyncIterator[str]:
    """The endpoint of a server that answers everything with this status and page.

    It speaks HTTP/2 with prior knowledge, as gRPC does, and no more of it than gRPC needs.
    """
    connections: dict[asyncio.Task[None] | None, asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections[asyncio.current_task()] = writer
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await answer_all(reader, writer, status, page)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        for writer in connections.values():
            writer.close()
        await asyncio.gather(*filter(None, connections))


async def answer_all(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: int, page: bytes
) -> None:
    writer.write(frame(SETTINGS, 0) + frame(SETTINGS, ACK))
    await reader.readexactly(24)  # the preface
    while True:
        head = await reader.readexactly(9)
        await reader.readexactly(int.from_bytes(head[:3]))
        if head[3] == HEADERS:
            stream = head[5:9]
            writer.write(
                frame(
                    HEADERS,
                    END_HEADERS if page else END_HEADERS | END_STREAM,
                    stream,
                    headers(status),
                )
            )
            if page:
                writer.write(frame(DATA, END_STREAM, stream, page))
            await writer.drain()


def frame(kind: int, flags: int, stream: bytes = bytes(4), payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3) + bytes((kind, flags)) + stream + payload


def headers(status: int) -> bytes:
    """`:status` and `content-type`, by their numbers in HPACK's table (RFC 7541, appendix A)."""
    return b"\x08\x03%d" % status + b"\x0f\x10\x09text/html"
