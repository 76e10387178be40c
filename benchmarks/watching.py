"""Clients that watch, in a process of their own: they read all that comes and count the events."""

import asyncio
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import cast

import uvloop

TOGETHER, PAUSE = 20, 0.05
"""How many come at once, and the seconds until more do."""
READY_SECONDS = 120.0
NICE = 10
"""Other clients, whose waits are measured, come first on the core that all of them share."""
EVENT = b"event: "


class Viewer(asyncio.Protocol):
    """One event stream."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self.has_begun = asyncio.Event()
        """Set when it has the answer, or has lost the connection."""
        self.is_lost = False
        self.events = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        self.events += data.count(EVENT)
        if self.events and not self.has_begun.is_set():
            self.has_begun.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self.has_begun.set()


class Viewers:
    """Clients that have the whole answer, and are told what changes."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def events(self) -> int:
        """The events that all of them have got. Raises RuntimeError if a stream has ended."""
        self._pipe.send(None)
        if not self._pipe.poll(READY_SECONDS):
            raise RuntimeError(f"not all have their answer within {READY_SECONDS:g} s")
        events, lost = self._pipe.recv()
        if lost:
            raise RuntimeError(f"{lost} event streams have ended")
        return int(events)


@contextmanager
def watching(port: int, requests: Sequence[bytes], cores: set[int]) -> Iterator[Viewers]:
    """A client for each request, once all of them have the answer. Raises RuntimeError."""
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=watch, args=(port, requests, cores, theirs), daemon=True)
    process.start()
    try:
        viewers = Viewers(ours)
        viewers.events()
        yield viewers
    finally:
        process.terminate()
        process.join()


def watch(port: int, requests: Sequence[bytes], cores: set[int], parent: Connection) -> None:
    """Watch until the process is ended; each message is answered with a count."""
    os.sched_setaffinity(0, cores)
    os.nice(NICE)
    uvloop.run(watch_all(port, requests, parent))


async def watch_all(port: int, requests: Sequence[bytes], parent: Connection) -> None:
    loop, asked = asyncio.get_running_loop(), asyncio.Event()
    viewers = [Viewer(request) for request in requests]
    for start in range(0, len(viewers), TOGETHER):
        for each in viewers[start : start + TOGETHER]:
            await loop.create_connection(lambda viewer=each: viewer, "127.0.0.1", port)  # type: ignore[misc]
        await asyncio.sleep(PAUSE)
    for each in viewers:
        await each.has_begun.wait()
    loop.add_reader(parent.fileno(), asked.set)
    while True:
        await asked.wait()
        asked.clear()
        parent.recv()
        parent.send((sum(each.events for each in viewers), sum(each.is_lost for each in viewers)))
