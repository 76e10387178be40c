"""Several calls of one method, as one request."""

import asyncio
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import click
import orjson

from gateway_client.arguments import Arguments
from gateway_client.batch import BatchClient
from gateway_client.client import Answer
from gateway_client.errors import CODES, CallError
from gateway_client.gateway import GatewayClient

LONGEST_PAUSE_SECONDS = 60.0

Json = Mapping[str, Any]
Outcome = Answer | CallError
"""An answer, or why there is none."""


async def outcomes(
    client: GatewayClient, method: str, requests: Mapping[str, Json], view: Mapping[str, str]
) -> dict[str, Outcome]:
    """What has become of each call, by name: of several in one request for `/batch`."""
    if len(requests) == 1:
        ((name, request),) = requests.items()
        try:
            return {name: await patiently(client, method, request, view)}
        except CallError as error:
            return {name: error}
    names = [*requests]
    items = [
        {"id": number, "method": method, "request": requests[name], "view": view}
        for number, name in enumerate(names)
    ]
    found: dict[str, Outcome] = {}
    hidden = not sys.stderr.isatty()
    with click.progressbar(length=len(names), file=sys.stderr, hidden=hidden) as bar:
        async for answer in BatchClient(client).answers(items):
            bar.update(1)
            found[names[answer["id"]]] = outcome(answer)
    return found


def outcome(answer: Json) -> Outcome:
    if error := answer.get("error"):
        return CallError(CODES[error["code"]], str(error["message"]))
    headers = {key.lower(): text for key, text in answer.get("headers", {}).items()}
    return Answer(
        content=orjson.dumps(answer["answer"]),
        cut_at=int(headers.get("x-truncated", 0)),
        filtered="x-filtered" in headers,
        no_match=unquote(headers.get("x-no-match", "")),
    )


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
