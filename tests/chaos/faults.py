"""The faults by name: what may be wrong on the way to Cuebot."""

import asyncio
from collections.abc import Mapping
from random import Random

from tests.chaos.proxy import Fault, FaultProxy, Frame, Link, send
from tests.support.http2_server import raw_frame

DATA, HEADERS, RST_STREAM, GOAWAY = 0, 1, 3, 7
INTERNAL_ERROR, REFUSED_STREAM = 2, 7
DELAY = 0.2
TRICKLE = 7  # bytes at a time
CALLS_BEFORE_GOAWAY = 20


class Blackhole(Fault):
    """Connections are taken, and all bytes are swallowed."""

    async def to_cuebot(self, link: Link, frame: Frame) -> None:
        link.spoiled = True

    async def to_gateway(self, link: Link, frame: Frame) -> None:
        link.spoiled = True


class Freeze(Fault):
    """Nothing gets through, and all of it comes in the end."""

    def __init__(self) -> None:
        self._over = asyncio.Event()

    async def to_cuebot(self, link: Link, frame: Frame) -> None:
        await self._over.wait()
        await super().to_cuebot(link, frame)

    async def to_gateway(self, link: Link, frame: Frame) -> None:
        await self._over.wait()
        await super().to_gateway(link, frame)

    async def end(self, proxy: FaultProxy) -> None:
        self._over.set()


class Reset(Fault):
    async def begin(self, proxy: FaultProxy) -> None:
        for link in proxy.links:
            link.reset()

    async def to_cuebot(self, link: Link, frame: Frame) -> None:
        link.reset()


class Refused(Fault):
    async def begin(self, proxy: FaultProxy) -> None:
        proxy.refuse()

    async def end(self, proxy: FaultProxy) -> None:
        await proxy.listen()


class Delay(Fault):
    """Everything takes 0.2 s longer, each way."""

    async def to_cuebot(self, link: Link, frame: Frame) -> None:
        asyncio.get_running_loop().call_later(DELAY, send, link.cuebot, frame.data)

    async def to_gateway(self, link: Link, frame: Frame) -> None:
        asyncio.get_running_loop().call_later(DELAY, send, link.gateway, frame.data)

    async def end(self, proxy: FaultProxy) -> None:
        for link in proxy.links:  # what comes now would overtake what has come
            link.reset()


class Trickle(Fault):
    async def to_gateway(self, link: Link, frame: Frame) -> None:
        for start in range(0, len(frame.data), TRICKLE):
            send(link.gateway, frame.data[start : start + TRICKLE])
            await asyncio.sleep(0.001)


class NowAndThen(Fault):
    """A fault that strikes now and then, the same way every time it is run."""

    def __init__(self) -> None:
        self.random = Random(1)  # noqa: S311 - no secret


class Cut(NowAndThen):
    """The connection ends in the middle of an answer."""

    async def to_gateway(self, link: Link, frame: Frame) -> None:
        if frame.kind == DATA and self.random.random() < 0.1:
            send(link.gateway, frame.data[: self.random.randrange(len(frame.data))])
            link.gateway.close()
            link.cuebot.transport.abort()
        else:
            await super().to_gateway(link, frame)


class Garbage(NowAndThen):
    async def to_gateway(self, link: Link, frame: Frame) -> None:
        if self.random.random() < 0.05:
            send(link.gateway, self.random.randbytes(50))
        await super().to_gateway(link, frame)


class GoAway(Fault):
    """Each connection is ended after 20 calls, as servers do that want to be left."""

    def __init__(self) -> None:
        self._calls: dict[Link, int] = {}

    async def begin(self, proxy: FaultProxy) -> None:
        for link in proxy.links:
            self._leave(link)

    async def to_cuebot(self, link: Link, frame: Frame) -> None:
        if frame.stream > link.allowed:
            return
        await super().to_cuebot(link, frame)
        if frame.kind == HEADERS:
            self._calls[link] = self._calls.get(link, 0) + 1
            if self._calls[link] == CALLS_BEFORE_GOAWAY:
                self._leave(link)

    def _leave(self, link: Link) -> None:
        link.allowed = link.last_stream
        last = link.last_stream.to_bytes(4, "big")
        send(link.gateway, raw_frame(GOAWAY, 0, 0, last + bytes(4)))


def reset_stream(link: Link, stream: int, error: int) -> None:
    send(link.gateway, raw_frame(RST_STREAM, 0, stream, error.to_bytes(4, "big")))


class ResetStreams(Fault):
    """Of three calls, one is refused, and one is made but its answer replaced by a reset."""

    async def to_cuebot(self, link: Link, frame: Frame) -> None:
        number = frame.stream
        if frame.kind == HEADERS and number % 6 == 1:
            link.dropped.add(number)
            reset_stream(link, number, REFUSED_STREAM)
        elif frame.kind == HEADERS and number % 6 == 3:
            link.failing.add(number)
        if number not in link.dropped:
            await super().to_cuebot(link, frame)

    async def to_gateway(self, link: Link, frame: Frame) -> None:
        number = frame.stream
        if number in link.failing:
            link.failing.discard(number)
            link.dropped.add(number)
            reset_stream(link, number, INTERNAL_ERROR)
        elif number not in link.dropped:
            await super().to_gateway(link, frame)

    async def end(self, proxy: FaultProxy) -> None:
        for link in proxy.links:  # answers that have begun would go on
            link.reset()


FAULTS: Mapping[str, type[Fault]] = {
    "blackhole": Blackhole,
    "freeze": Freeze,
    "reset": Reset,
    "refused": Refused,
    "delay": Delay,
    "trickle": Trickle,
    "cut": Cut,
    "garbage": Garbage,
    "goaway": GoAway,
    "rst_stream": ResetStreams,
}
