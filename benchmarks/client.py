"""A load generator in Python, for machines without wrk, and for answers that have to be counted.

wrk stops when its time is up and discards unfinished answers, which is all of them if one takes
half a second. Here, every request that is sent is answered, read to its end and counted.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import cycle
from typing import cast

import httptools
import uvloop

from benchmarks.load import Load, headers_of, percentile
from benchmarks.scenarios import Call, Scenario

LONGEST_ANSWER = 60


class Connection(asyncio.Protocol):
    """One keep-alive connection, with one request on it at a time."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[int] | None = None
        self._keep = False
        self.body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionError("closed before the answer's end"))

    def on_body(self, body: bytes) -> None:
        if self._keep:
            self.body += body

    def on_message_complete(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._parser.get_status_code())

    async def ask(self, request: bytes, *, keep: bool = False) -> int:
        """Send a request, read the whole answer and return its status.

        With `keep`, its body is in `body`. Raises OSError for a broken connection, and
        TimeoutError.
        """
        self._answer = asyncio.get_running_loop().create_future()
        self._keep = keep
        self.body.clear()
        if self._transport.is_closing():
            raise ConnectionError("closed between two requests")
        self._transport.write(request)
        async with asyncio.timeout(LONGEST_ANSWER):
            return await self._answer

    def close(self) -> None:
        self._transport.abort()


async def connect(port: int) -> Connection:
    """A connection to a gateway on loopback. Raises OSError."""
    loop = asyncio.get_running_loop()
    return (await loop.create_connection(Connection, "127.0.0.1", port))[1]


def wire(call: Call, token: str, more: Mapping[str, str] | None = None) -> bytes:
    """The call as HTTP/1.1, with more headers."""
    lines = [f"POST {call.path} HTTP/1.1", "Host: gateway", f"Content-Length: {len(call.body)}"]
    headers = {**headers_of(call, token), **(more or {})}
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + call.body


def load_with_client(port: int, scenario: Scenario, seconds: float, token: str) -> Load:
    """Load the gateway: for the scenario's number of requests if it has one, else for `seconds`."""
    return uvloop.run(load(port, scenario, seconds, token))


async def load(port: int, scenario: Scenario, seconds: float, token: str) -> Load:
    requests = cycle([(wire(call, token), call.status) for call in scenario.calls])
    started = time.perf_counter()
    goes_on = until(scenario.counted, started + seconds)
    connections = [await connect(port) for _ in range(scenario.connections)]
    latencies: list[float] = []
    try:
        wrong = await asyncio.gather(
            *(work(each, requests, goes_on, latencies) for each in connections)
        )
    finally:
        for each in connections:
            each.close()
    if not latencies:
        raise RuntimeError(f"no request of {scenario.name} was sent; give it more seconds")
    return Load(
        requests=len(latencies),
        seconds=time.perf_counter() - started,
        p50_ms=percentile(latencies, 0.50) * 1e3,
        p99_ms=percentile(latencies, 0.99) * 1e3,
        wrong=sum(wrong),
    )


def until(count: int | None, deadline: float) -> Callable[[], bool]:
    """A function that says whether to go on: `count` times, or until the deadline."""
    if count is None:
        return lambda: time.perf_counter() < deadline
    left: Iterator[int] = iter(range(count))
    return lambda: next(left, None) is not None


async def work(
    connection: Connection,
    requests: Iterator[tuple[bytes, int]],
    goes_on: Callable[[], bool],
    latencies: list[float],
) -> int:
    """Send what comes next of the requests, which all connections share, one after another.

    Returns the number of wrong statuses. OSError ends the round.
    """
    wrong = 0
    while goes_on():
        request, expected = next(requests)
        sent = time.perf_counter()
        wrong += await connection.ask(request) != expected
        latencies.append(time.perf_counter() - sent)
    return wrong
