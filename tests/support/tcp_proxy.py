"""A way to a server that can lead elsewhere."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field

from tests.support.wire import wire_on


@dataclass
class TcpProxy:
    target: str
    endpoint: str = ""
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(OSError):
            host, _, port = self.target.rpartition(":")
            async with wire_on(host=host, port=int(port)) as onward:
                self.writers |= {writer, onward.writer}
                there = self.pass_on(reader, onward.writer)
                await asyncio.gather(there, self.pass_on(onward.reader, writer))

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while part := await reader.read(65536):
                writer.write(part)
        writer.close()

    def turn(self, target: str) -> None:
        """End all connections; the next ones lead to `target`."""
        self.target = target
        for writer in self.writers:
            writer.close()
        self.writers.clear()


@asynccontextmanager
async def tcp_proxy(target: str) -> AsyncIterator[TcpProxy]:
    proxy = TcpProxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.endpoint = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        proxy.turn(target)
