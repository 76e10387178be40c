"""Several calls of one method, over one connection: in batches, or side by side."""

import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from cuectl.client.arguments import Arguments
from cuectl.client.batch import LONGEST_SILENCE_SECONDS, NOT_SERVED, BatchClient
from cuectl.client.gateway import GatewayClient
from cuectl.errors import CODES, CallError, InvalidCall

AT_ONCE = 8
LONGEST_PAUSE_SECONDS = 60.0
BAR_WIDTH = 30

Request = tuple[str, Mapping[str, Any]]
"""A name, and the request about it."""


@dataclass(frozen=True, slots=True)
class Found:
    answer: Any
    cut_at: int = 0
    filtered: bool = False
    """Both as of `Answer`."""


Outcome = Found | CallError
"""An answer, or why there is none."""
WHOLE: Mapping[str, str] = {}


class Bar:
    """How many of the calls are done, as a bar on a terminal."""

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


async def outcomes(
    client: GatewayClient,
    method: str,
    requests: Sequence[Request],
    timeout: float | None,
    view: Mapping[str, str] = WHOLE,
    views: Mapping[str, Mapping[str, str]] = {},
) -> dict[str, Outcome]:
    """What has become of each call, by name. Some may have `views` of their own."""
    bar = Bar(len(requests))
    try:
        if len(requests) > 1:
            try:
                return await in_batches(client, method, requests, timeout, view, views, bar)
            except CallError as error:
                if error.message != NOT_SERVED:
                    raise
        return await side_by_side(client, method, requests, view, views, bar)
    finally:
        bar.end()


async def in_batches(
    client: GatewayClient,
    method: str,
    requests: Sequence[Request],
    timeout: float | None,
    view: Mapping[str, str],
    views: Mapping[str, Mapping[str, str]],
    bar: Bar,
) -> dict[str, Outcome]:
    names = [name for name, _ in requests]
    items = [
        {"id": number, "method": method, "request": request, "view": views.get(name, view)}
        for number, (name, request) in enumerate(requests)
    ]
    found: dict[str, Outcome] = {}
    silence = LONGEST_SILENCE_SECONDS if timeout is None else timeout
    async for answer in BatchClient(client, silence=silence).answers(items):
        bar.step()
        name = names[answer["id"]]
        if error := answer.get("error"):
            found[name] = CallError(CODES[error["code"]], str(error["message"]))
        else:
            headers = {key.lower(): text for key, text in answer.get("headers", {}).items()}
            cut_at = int(headers.get("x-truncated", 0))
            found[name] = Found(answer["answer"], cut_at, "x-filtered" in headers)
    return found


async def side_by_side(
    client: GatewayClient,
    method: str,
    requests: Sequence[Request],
    view: Mapping[str, str],
    views: Mapping[str, Mapping[str, str]],
    bar: Bar,
) -> dict[str, Outcome]:
    places = asyncio.Semaphore(AT_ONCE)
    found: dict[str, Outcome] = {}

    async def make(name: str, request: Mapping[str, Any]) -> None:
        async with places:
            try:
                found[name] = await patiently(client, method, request, views.get(name, view))
            except CallError as error:
                found[name] = error
            except InvalidCall as error:  # the document was older than the gateway's settings
                found[name] = CallError("UNIMPLEMENTED", str(error))
            bar.step()

    async with asyncio.TaskGroup() as group:
        for name, request in requests:
            group.create_task(make(name, request))
    return found


async def patiently(
    client: GatewayClient,
    method: str,
    request: Mapping[str, Any],
    view: Mapping[str, str],
    *,
    dry_run: bool = False,
) -> Found:
    """The answer of a call that waits for the rate limit. Raises CallError."""
    while True:
        try:
            arguments = Arguments(orjson.dumps(request))
            answer = await client.call(method, arguments, view=view, dry_run=dry_run)
        except CallError as error:
            after = error.headers.get("retry-after", "")
            if error.code != "RESOURCE_EXHAUSTED" or not after.isdecimal():
                raise
            await asyncio.sleep(min(float(after), LONGEST_PAUSE_SECONDS))
        else:
            return Found(orjson.loads(answer.content), answer.cut_at, answer.filtered)
