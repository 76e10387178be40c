"""Why rows are as they are: the first reason of a verb that fits each, which the gateway judges; or
the first of its causes, where no reason with a condition fits and such rows are few.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from cuectl.client.arguments import Arguments
from cuectl.client.gateway import GatewayClient
from cuectl.rows import Column, Row, rows_at, value_at
from cuectl.selection import all_of
from cuectl.session import Verb

REASON: Column = {"path": "why", "title": "WHY"}
MOST_EXPLAINED = 20
"""Rows whose causes are looked for: each takes several reads."""


async def with_reasons(
    client: GatewayClient,
    verb: Verb,
    request: Arguments,
    view: Mapping[str, str],
    content: bytes,
    timeout: float | None,
) -> bytes:
    """The rows of an answer, each with a reason. Raises CallError."""
    path = str(verb["columns"][0]["path"])

    async def rows_where(condition: str, fields: Mapping[str, str]) -> list[Row]:
        asked = [each for each in (view.get("_where"), condition) if each]
        narrow = {**fields, "_where": all_of(asked)} if asked else fields
        answer = await client.call(verb["method"], request, view=narrow)
        return rows_at(orjson.loads(answer.content), verb.get("rows"))

    async def judged(reason: Verb) -> tuple[str, set[Any] | None]:
        if "where" not in reason:
            return reason["says"], None
        fitting = await rows_where(reason["where"], {"_fields": path})
        return reason["says"], {value_at(row, path) for row in fitting}

    found = await asyncio.gather(*map(judged, verb["reasons"]))
    rows = rows_at(orjson.loads(content), verb.get("rows"))
    whys = {name: reason_of(name, found) for name in (value_at(row, path) for row in rows)}
    judged_names = set[Any]().union(*(names for _, names in found if names is not None))
    unclear = whys.keys() - judged_names
    if verb.get("causes") and 0 < len(unclear) <= MOST_EXPLAINED:
        from cuectl.causes import causes_of

        others = [f"not ({each['where']})" for each in verb["reasons"] if "where" in each]
        whole = {value_at(row, path): row for row in await rows_where(all_of(others), {})}
        about = {name: row for name, row in whole.items() if name in unclear}
        whys |= await causes_of(client, verb, about, timeout)
    return orjson.dumps([{**row, "why": whys[value_at(row, path)]} for row in rows])


def reason_of(name: Any, found: Sequence[tuple[str, set[Any] | None]]) -> str:
    """The first reason of which the names are not known to be others."""
    return next((says for says, names in found if names is None or name in names), "")
