"""Several calls of one method, over one connection: in batches, or side by side."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from cuectl.client.arguments import Arguments
from cuectl.client.batch import LONGEST_SILENCE_SECONDS, NOT_SERVED, BatchClient
from cuectl.client.gateway import GatewayClient
from cuectl.errors import CODES, CallError
from cuectl.terminal.exits import failure_lines

AT_ONCE = 8
LONGEST_PAUSE_SECONDS = 60.0
BAR_WIDTH = 30

Request = tuple[str, Mapping[str, Any]]
"""A name, and the request about it."""


class Bar:
    """How many of the calls are done, on a terminal."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._shows = total > 1 and sys.stderr.isatty()

    def step(self) -> None:
        self._done += 1
        if self._shows:
            full = BAR_WIDTH * self._done // self._total
            bar = "█" * full + "░" * (BAR_WIDTH - full)
            sys.stderr.write(f"\r{bar} {self._done}/{self._total}")
            sys.stderr.flush()

    def end(self) -> None:
        if self._shows:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


async def make_calls(
    client: GatewayClient, method: str, requests: Sequence[Request], timeout: float | None
) -> dict[str, CallError]:
    """The errors of calls that have failed, by name."""
    bar = Bar(len(requests))
    try:
        if len(requests) > 1:
            try:
                return await in_batches(client, method, requests, timeout, bar)
            except CallError as error:
                if error.message != NOT_SERVED:
                    raise
        return await side_by_side(client, method, requests, bar)
    finally:
        bar.end()


async def in_batches(
    client: GatewayClient,
    method: str,
    requests: Sequence[Request],
    timeout: float | None,
    bar: Bar,
) -> dict[str, CallError]:
    names = [name for name, _ in requests]
    items = [
        {"id": number, "method": method, "request": request}
        for number, (_, request) in enumerate(requests)
    ]
    failures = {}
    silence = LONGEST_SILENCE_SECONDS if timeout is None else timeout
    async for answer in BatchClient(client, silence=silence).answers(items):
        bar.step()
        if error := answer.get("error"):
            code = CODES[error["code"]]
            failures[names[answer["id"]]] = CallError(code, str(error["message"]))
    return failures


async def side_by_side(
    client: GatewayClient, method: str, requests: Sequence[Request], bar: Bar
) -> dict[str, CallError]:
    places = asyncio.Semaphore(AT_ONCE)
    failures: dict[str, CallError] = {}

    async def make(name: str, request: Mapping[str, Any]) -> None:
        async with places:
            try:
                await patiently(client, method, request)
            except CallError as error:
                failures[name] = error
            bar.step()

    async with asyncio.TaskGroup() as group:
        for name, request in requests:
            group.create_task(make(name, request))
    return failures


async def patiently(client: GatewayClient, method: str, request: Mapping[str, Any]) -> None:
    """Call, and wait for the rate limit. Raises CallError."""
    while True:
        try:
            await client.call(method, Arguments(orjson.dumps(request)))
        except CallError as error:
            after = error.headers.get("retry-after", "")
            if error.code != "RESOURCE_EXHAUSTED" or not after.isdecimal():
                raise
            await asyncio.sleep(min(float(after), LONGEST_PAUSE_SECONDS))
        else:
            return


def summary(verb: str, count: int, failures: Mapping[str, CallError]) -> str:
    if not failures:
        return f"{verb}: {count} done"
    told = f"{verb}: {count - len(failures)} of {count} done, {len(failures)} failed"
    return "\n".join((told, *failure_lines([*failures.items()])))
