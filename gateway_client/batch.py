"""Many calls in requests for `/batch`."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

import orjson

from gateway_client.errors import CallError, InvalidCall
from gateway_client.gateway import (
    BATCH,
    KEY,
    NO_METHOD,
    RETRY_PAUSES_SECONDS,
    GatewayClient,
    Lost,
    error_of,
    outcome_unknown,
)
from gateway_client.method_names import path_of

ITEMS_AT_ONCE = 1000
CANCELLED = 499
LONGEST_SILENCE_SECONDS = 3600.0
"""Long, since calls wait for the rate limit."""
NDJSON = "application/x-ndjson"
NOT_SERVED = "this gateway does not serve /batch; update it"

Item = dict[str, Any]


def items_in(text: bytes) -> tuple[list[Item], bool]:
    """The items of a JSON array or of NDJSON, and whether it is an array. Raises InvalidCall."""
    try:
        is_array = text.lstrip().startswith(b"[")
        if is_array:
            found = orjson.loads(text)
        else:
            found = [orjson.loads(line) for line in text.splitlines() if line.strip()]
    except orjson.JSONDecodeError as error:
        raise InvalidCall(f"neither a JSON array nor a JSON object a line: {error}") from None
    items = [checked(each, number) for number, each in enumerate(found)]
    ids = Counter(str(item["id"]) for item in items)
    for id_, count in ids.items():
        if count > 1:
            raise InvalidCall(f"{count} items have the id {id_!r}")
    return items, is_array


def checked(item: object, number: int) -> Item:
    """The item with its id and its method's path. Raises InvalidCall."""
    if not isinstance(item, dict) or not isinstance(item.get("method"), str):
        raise InvalidCall(
            f"item {number} is not of the form"
            ' {"method": "Job/Kill", "request": {"job": {"name": "…"}}}'
        )
    return {"id": number, **item, "method": path_of(item["method"])}


@dataclass(slots=True)
class BatchClient:
    """Sends items; if the connection is lost, those without an answer again."""

    client: GatewayClient
    stops: bool = False
    """Whether nothing is called after a failure."""
    silence: float = LONGEST_SILENCE_SECONDS
    """Seconds until the next answer, at most."""
    pauses: Sequence[float] = RETRY_PAUSES_SECONDS
    failed: bool = field(default=False, init=False)

    async def answers(self, items: Sequence[Item]) -> AsyncIterator[Item]:
        """The answers as they come: `{"id", "status", "answer" or "error"}`.

        Raises CallError if the gateway takes no batch, or is lost for good.
        """
        for begin in range(0, len(items), ITEMS_AT_ONCE):
            async for answer in self._some(items[begin : begin + ITEMS_AT_ONCE]):
                yield answer
            if self.stops and self.failed:
                for item in items[begin + ITEMS_AT_ONCE :]:
                    yield not_called(item)
                return

    async def _some(self, items: Sequence[Item]) -> AsyncIterator[Item]:
        left = {str(item["id"]): item for item in items}
        keys = {KEY: f'"{token_hex(16)}"'}
        pauses = list(self.pauses)
        asked: Sequence[Item] = items
        while True:
            try:
                async for answer in self._once(asked, keys):
                    left.pop(str(answer["id"]), None)
                    self.failed = self.failed or answer["status"] >= 400
                    yield answer
                return
            except Lost as error:
                if not pauses:
                    raise outcome_unknown(error) from None
                asked = list(left.values())
                await asyncio.sleep(pauses.pop(0))

    async def _once(self, items: Sequence[Item], keys: dict[str, str]) -> AsyncIterator[Item]:
        body = b"".join(lines_of(items))
        headers = {"Content-Type": NDJSON, "Accept": NDJSON, **keys}
        query = {"stopOnError": "true"} if self.stops else {}
        count = 0
        async with self.client.stream(BATCH, body, headers, query, self.silence) as response:
            if response.status_code != 200:
                await response.aread()
                if response.status_code == NO_METHOD:
                    raise CallError("UNIMPLEMENTED", NOT_SERVED)
                raise error_of(response)
            rest = b""
            async for chunk in response.aiter_bytes():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    count += 1
                    yield orjson.loads(line)
        if count != len(items):
            raise Lost("UNAVAILABLE", f"the answer of {self.client.base} was cut short")


def lines_of(items: Iterable[Item]) -> Iterator[bytes]:
    for item in items:
        yield orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE)


def not_called(item: Item) -> Item:
    error = {
        "error": "CANCELLED",
        "code": 1,
        "message": "not called: an item before it has failed",
    }
    return {"id": item["id"], "status": CANCELLED, "error": error}
