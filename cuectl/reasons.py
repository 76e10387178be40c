"""Why rows are as they are: the first reason of a verb that fits each, which the gateway judges."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from cuectl.client.arguments import Arguments
from cuectl.client.gateway import GatewayClient
from cuectl.rows import Column, rows_at, value_at
from cuectl.selection import all_of
from cuectl.session import Verb

REASON: Column = {"path": "why", "title": "WHY"}


async def with_reasons(
    client: GatewayClient, verb: Verb, request: Arguments, view: Mapping[str, str], content: bytes
) -> bytes:
    """The rows of an answer, each with a reason. Raises CallError."""
    path = str(verb["columns"][0]["path"])

    async def names_where(condition: str) -> set[Any]:
        asked = [each for each in (view.get("_where"), condition) if each]
        narrow = {"_fields": path, "_where": all_of(asked)}
        answer = await client.call(verb["method"], request, view=narrow)
        fitting = rows_at(orjson.loads(answer.content), verb.get("rows"))
        return {value_at(row, path) for row in fitting}

    async def judged(reason: Verb) -> tuple[str, set[Any] | None]:
        return reason["says"], await names_where(reason["where"]) if "where" in reason else None

    found = await asyncio.gather(*map(judged, verb["reasons"]))
    rows = rows_at(orjson.loads(content), verb.get("rows"))
    return orjson.dumps([{**row, "why": reason_of(value_at(row, path), found)} for row in rows])


def reason_of(name: Any, found: Sequence[tuple[str, set[Any] | None]]) -> str:
    """The first reason of which the names are not known to be others."""
    return next((says for says, names in found if names is None or name in names), "")
