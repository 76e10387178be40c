"""Recipes of requests: none takes the event loop for long, and none keeps memory.

The gateway's app runs here, before a scripted Cuebot in another thread. A turn of the loop and a
request are measured in the CPU time of this thread, which has neither what another thread or
process does nor what it waits for. What takes too long is tried again: a request is as quick as its
quickest try, since the machine is busy with others as well.
"""

import asyncio
import atexit
import ctypes
import gc
import os
import threading
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path
from time import thread_time
from types import MappingProxyType
from typing import Any

import grpc

from gateway.app import Gateway, create_app
from gateway.core.schema.catalog import Catalog
from tests.fuzz.recipes import MEDIA, Recipe, read
from tests.support.opencue import opencue
from tests.support.owned_farm import script
from tests.support.patience import PATIENCE
from tests.support.rights import rule, signed
from tests.support.servers import (
    UNLIMITED,
    Context,
    Handler,
    ScriptedCuebot,
    answer_empty,
    running_cuebot,
    settings_for,
)

LONGEST_TURN_SECONDS = 0.020
LONGEST_REQUEST_SECONDS = 0.150
LONGEST_ITEM_SECONDS = 0.010
"""Of a batch, besides: its items are requests of their own."""
TRIES = 10
PIECE_BYTES = 64 * 1024
"""Of a body, as a connection brings it."""
IDENTITIES = ("fill", "force", "off")
ACCESS = [
    rule("all", {"role": "plain"}, "all"),
    rule("see", {"role": "see"}, "all", see="show in $shows"),
    rule("only", {"role": "only"}, "all", only="user = $sub or show = demo"),
    rule("both", {"role": "both"}, "all", see="show in $shows", only="user = $sub"),
]
FAILURES = {
    "absent": (grpc.StatusCode.NOT_FOUND, "no such thing"),
    "failing": (grpc.StatusCode.INTERNAL, "Failed to find job data"),
}


class TooCostly(AssertionError):
    """A request that holds the loop, or takes too long in all. The text says what it took."""


class MeasuredLoop(asyncio.SelectorEventLoop):
    """Knows the CPU time of its longest turn, and of all of them."""

    longest = total = 0.0

    def start_over(self) -> None:
        self.longest = self.total = 0.0

    def _run_once(self) -> None:
        began = thread_time()
        super()._run_once()  # type: ignore[misc]
        took = thread_time() - began
        self.total += took
        self.longest = max(self.longest, took)


class Cuebot(ScriptedCuebot):
    """Answers as the farm of one user, or fails as it is told."""

    mood = "farm"
    farm: Mapping[str, Any] = MappingProxyType({})
    """Handlers by path, once they are known."""

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        self.seen.clear()
        failure = FAILURES.get(self.mood)
        self.handlers[details.method] = (
            self.farm.get(details.method, answer_empty) if failure is None else failing(*failure)
        )
        return super().service(details)


def failing(code: grpc.StatusCode, text: str) -> Handler:
    """Raises nothing: grpcio keeps the exception of `abort`, with the request."""

    async def handler(request: bytes, context: Context) -> bytes:
        context.set_code(code)
        context.set_details(text)
        return b""

    return handler


class Trial:
    """A gateway of each way to tell Cuebot who calls, until the process ends."""

    def __init__(self) -> None:
        self.loop = MeasuredLoop()
        self._stack = AsyncExitStack()
        self.cuebot = Cuebot(tuple(opencue().files))
        endpoint = in_a_thread(self.cuebot)
        self.apps = self.loop.run_until_complete(self._start(endpoint))
        script(self.cuebot, self.catalog.methods)
        self.cuebot.farm = dict(self.cuebot.handlers)
        atexit.register(self.close)

    async def _start(self, endpoint: str) -> dict[str, Gateway]:
        apps = {}
        for identity in IDENTITIES:
            settings = settings_for(
                endpoint,
                **UNLIMITED,
                descriptor_source="package:opencue_proto",
                access=ACCESS,
                access_default="deny",
                identity=identity,
                audit_log=os.devnull,
            )
            apps[identity] = app = create_app(settings)
            await self._stack.enter_async_context(app.router.lifespan_context(app))
            async with asyncio.timeout(PATIENCE):
                await app.parts.live.wait()
        return apps

    @property
    def catalog(self) -> Catalog:
        catalog = self.apps["fill"].parts.live.current
        assert catalog is not None
        return catalog

    def close(self) -> None:
        self.loop.run_until_complete(self._stack.aclose())
        self.loop.close()

    def check(self, recipe: Recipe) -> int:
        """The status of the answer. Raises TooCostly."""
        content = recipe.encoded()
        most = LONGEST_REQUEST_SECONDS + (recipe.items - 1) * LONGEST_ITEM_SECONDS
        turns, requests = [], []
        for _ in range(TRIES):
            status = self.ask(recipe, content)
            turns.append(self.loop.longest)
            requests.append(self.loop.total)
            if min(turns) <= LONGEST_TURN_SECONDS and min(requests) <= most:
                return status
        took = f"{min(turns) * 1000:.0f} ms in a turn, {min(requests) * 1000:.0f} ms in all"
        raise TooCostly(f"{took}, {len(content)} bytes, status {status}")

    def ask(self, recipe: Recipe, content: bytes) -> int:
        """The status of one answer, whose cost the loop knows then."""
        self.cuebot.mood = recipe.cuebot
        is_query = recipe.way == "query"
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET" if is_query else "POST",
            "scheme": "http",
            "path": "/batch" if recipe.way == "batch" else recipe.path,
            "query_string": content if is_query else b"",
            "headers": headers_of(recipe, len(content)),
            "client": ("127.0.0.1", 1),
        }
        answered = Answered(b"" if is_query else content)
        app = self.apps[recipe.identity]
        self.loop.start_over()
        self.loop.run_until_complete(app(scope, answered.receive, answered.send))
        return answered.status


class Answered:
    """A connection in memory."""

    def __init__(self, body: bytes) -> None:
        self._body = memoryview(body)
        self._at = -1
        self.status = 0

    async def receive(self) -> dict[str, Any]:
        await asyncio.sleep(0)
        if self._at >= len(self._body):
            self._body = memoryview(b"")
            await asyncio.Event().wait()
        self._at = max(self._at, 0)
        piece = bytes(self._body[self._at : self._at + PIECE_BYTES])
        self._at += max(len(piece), 1)
        return {"type": "http.request", "body": piece, "more_body": self._at < len(self._body)}

    async def send(self, message: Any) -> None:
        self.status = message.get("status", self.status)


def headers_of(recipe: Recipe, length: int) -> list[tuple[bytes, bytes]]:
    headers = [(b"host", b"gateway"), (b"authorization", token(recipe.who))]
    if recipe.way in MEDIA:
        headers += [
            (b"content-type", MEDIA[recipe.way]),
            (b"content-length", b"%d" % length),
        ]
    if recipe.way == "proto":
        headers.append((b"connect-protocol-version", b"1"))
    if recipe.coding:
        headers.append((b"content-encoding", recipe.coding.encode()))
    if recipe.dry_run:
        headers.append((b"x-dry-run", b"true"))
    if recipe.with_key:
        headers.append((b"idempotency-key", os.urandom(12).hex().encode()))
    return headers


@cache
def token(who: str) -> bytes:
    return signed("lena", role=who, shows=["demo"])["Authorization"].encode()


def in_a_thread(cuebot: ScriptedCuebot) -> str:
    """Where it listens, until the process ends."""
    endpoint: Future[str] = Future()

    async def run() -> None:
        async with running_cuebot(cuebot):
            endpoint.set_result(cuebot.endpoint)
            await asyncio.Event().wait()

    threading.Thread(target=lambda: asyncio.run(run()), daemon=True).start()
    return endpoint.result()


@cache
def trial() -> Trial:
    return Trial()


def one_input(data: bytes) -> None:
    """Anything but a recipe is left alone. Raises TooCostly."""
    try:
        recipe = read(data)
        recipe.content()
    except (ValueError, TypeError, RecursionError, OverflowError):
        return
    trial().check(recipe)


def memory_mb() -> float:
    """What this process holds in memory after a collection."""
    gc.collect()
    return held_mb()


def garbage_mb() -> float:
    """What a collection has freed."""
    before = held_mb()
    return before - memory_mb()


def held_mb() -> float:
    ctypes.CDLL(None).malloc_trim(0)
    return resident_mb()


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
