"""A proxy between the gateway and Cuebot on loopback, which passes frames on as a fault wants."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

PREFACE = len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
HEAD = 9  # bytes in front of a frame's payload (RFC 9113, section 4.1)
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame, or the preface of a connection (kind -1)."""

    data: bytes

    @property
    def kind(self) -> int:
        return self.data[3] if self.data[:3] != b"PRI" else -1

    @property
    def stream(self) -> int:
        return int.from_bytes(self.data[5:9], "big") if self.kind >= 0 else 0


@dataclass(eq=False)
class Link:
    gateway: asyncio.StreamWriter
    cuebot: asyncio.StreamWriter
    last_stream: int = 0  # the latest call that has come
    allowed: int = 2**31
    """Calls with larger numbers are not passed on: the gateway has been told so."""
    dropped: set[int] = field(default_factory=set)  # calls of which nothing more is passed on
    failing: set[int] = field(default_factory=set)
    """Calls that Cuebot gets, and whose answers do not come."""
    spoiled: bool = False  # whether bytes are missing, so that it is of no more use

    def reset(self) -> None:
        """End it with a RST towards the gateway."""
        plain = self.gateway.get_extra_info("socket")
        if plain is not None and not self.gateway.is_closing():
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.abort()

    def abort(self) -> None:
        self.gateway.transport.abort()
        self.cuebot.transport.abort()


def send(writer: asyncio.StreamWriter, data: bytes) -> None:
    if not writer.is_closing():
        writer.write(data)


class Fault:
    """What is wrong; the base class is that nothing is."""

    async def begin(self, proxy: "FaultProxy") -> None:
        """From now on."""

    async def to_cuebot(self, link: Link, frame: Frame) -> None:
        send(link.cuebot, frame.data)

    async def to_gateway(self, link: Link, frame: Frame) -> None:
        send(link.gateway, frame.data)

    async def end(self, proxy: "FaultProxy") -> None:
        for link in proxy.links:
            if link.spoiled:
                link.reset()


class FaultProxy:
    """Listens on `host`, on a port of its own, for connections to `cuebot` (host and port)."""

    def __init__(self, cuebot: tuple[str, int], host: str = "127.0.0.1") -> None:
        self.links: set[Link] = set()
        self._cuebot = cuebot
        self.host = host
        self.port = 0
        self._fault = Fault()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def endpoint(self) -> str:
        return f"{self.host}:{self.port}"

    async def listen(self) -> None:
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, self.host, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for link in self.links:
            link.reset()

    async def begin(self, fault: Fault) -> None:
        self._fault = fault
        await fault.begin(self)

    async def end(self) -> None:
        fault, self._fault = self._fault, Fault()
        await fault.end(self)

    async def close(self) -> None:
        await self.end()
        self.refuse()
        await asyncio.gather(*self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            answers, cuebot = await asyncio.open_connection(*self._cuebot)  # noqa: TID251 - in `link`
        except OSError:
            writer.transport.abort()
            return
        link = Link(writer, cuebot)
        self.links.add(link)
        try:
            both = (self._pass_on(link, reader, True), self._pass_on(link, answers, False))
            await asyncio.gather(*both)
        finally:
            link.abort()
            self.links.discard(link)

    async def _pass_on(self, link: Link, reader: asyncio.StreamReader, requests: bool) -> None:
        rest = b""
        preface = PREFACE if requests else 0
        with suppress(OSError):
            while data := await reader.read(65536):
                rest += data
                for frame in split(rest, preface):
                    preface = 0
                    rest = rest[len(frame.data) :]
                    if requests:
                        link.last_stream = max(link.last_stream, frame.stream)
                        await self._fault.to_cuebot(link, frame)
                    else:
                        await self._fault.to_gateway(link, frame)
        if not link.spoiled:  # as a hole, it stays open
            link.abort()


def split(data: bytes, preface: int) -> Iterator[Frame]:
    """The whole frames at the beginning of the data, after a preface of so many bytes."""
    at = 0
    if preface and len(data) >= preface:
        yield Frame(data[:preface])
        at = preface
    elif preface:
        return
    while len(data) >= at + HEAD:
        end = at + HEAD + int.from_bytes(data[at : at + 3], "big")
        if len(data) < end:
            return
        yield Frame(data[at:end])
        at = end


@asynccontextmanager
async def fault_proxy(cuebot: tuple[str, int]) -> AsyncIterator[FaultProxy]:
    proxy = FaultProxy(cuebot)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()
