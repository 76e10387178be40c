"""Several calls of one method, over one connection: in batches, or side by side."""

import asyncio
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import click
import orjson

from gateway_client.arguments import Arguments
from gateway_client.batch import NOT_SERVED, BatchClient
from gateway_client.client import Answer
from gateway_client.errors import CODES, CallError, InvalidCall
from gateway_client.gateway import GatewayClient

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar

AT_ONCE = 8
LONGEST_PAUSE_SECONDS = 60.0

Json = Mapping[str, Any]
Outcome = Answer | CallError
"""An answer, or why there is none."""


async def outcomes(
    client: GatewayClient,
    method: str,
    requests: Mapping[str, Json],
    view: Mapping[str, str],
    *,
    stops: bool = False,
) -> dict[str, Outcome]:
    """What has become of each call, by name. With `stops`, none is made after a failure."""
    hidden = len(requests) < 2 or not sys.stderr.isatty()
    with click.progressbar(length=len(requests), file=sys.stderr, hidden=hidden) as bar:
        if len(requests) > 1:
            try:
                return await in_batches(client, method, requests, view, bar, stops=stops)
            except CallError as error:
                if error.message != NOT_SERVED:
                    raise
        return await side_by_side(client, method, requests, view, bar)


async def in_batches(
    client: GatewayClient,
    method: str,
    requests: Mapping[str, Json],
    view: Mapping[str, str],
    bar: "ProgressBar[Any]",
    *,
    stops: bool,
) -> dict[str, Outcome]:
    names = [*requests]
    items = [
        {"id": number, "method": method, "request": requests[name], "view": view}
        for number, name in enumerate(names)
    ]
    found: dict[str, Outcome] = {}
    async for answer in BatchClient(client, stops=stops).answers(items):
        bar.update(1)
        name = names[answer["id"]]
        if error := answer.get("error"):
            found[name] = CallError(CODES[error["code"]], str(error["message"]))
            continue
        headers = {key.lower(): text for key, text in answer.get("headers", {}).items()}
        found[name] = Answer(
            content=orjson.dumps(answer["answer"]),
            cut_at=int(headers.get("x-truncated", 0)),
            filtered="x-filtered" in headers,
            no_match=unquote(headers.get("x-no-match", "")),
        )
    return found


async def side_by_side(
    client: GatewayClient,
    method: str,
    requests: Mapping[str, Json],
    view: Mapping[str, str],
    bar: "ProgressBar[Any]",
) -> dict[str, Outcome]:
    places = asyncio.Semaphore(AT_ONCE)
    found: dict[str, Outcome] = {}

    async def make(name: str, request: Json) -> None:
        async with places:
            try:
                found[name] = await patiently(client, method, request, view)
            except CallError as error:
                found[name] = error
            bar.update(1)

    try:
        async with asyncio.TaskGroup() as group:
            for name, request in requests.items():
                group.create_task(make(name, request))
    except* InvalidCall as errors:
        raise errors.exceptions[0] from None
    return found


async def patiently(
    client: GatewayClient, method: str, request: Json, view: Mapping[str, str]
) -> Answer:
    """The answer of a call that waits for the rate limit. Raises CallError and InvalidCall."""
    while True:
        try:
            return await client.call(method, Arguments(orjson.dumps(request)), view=view)
        except CallError as error:
            after = error.headers.get("retry-after", "")
            if error.code != "RESOURCE_EXHAUSTED" or not after.isdecimal():
                raise
            await asyncio.sleep(min(float(after), LONGEST_PAUSE_SECONDS))
