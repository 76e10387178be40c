"""The items of a batch, from the JSON that asks for them."""

from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple
from urllib.parse import urlencode

import orjson

from gateway.core.codec.body import UTF8_BOM, parse
from gateway.core.errors import Code, GatewayError
from gateway.core.suggestions import QUOTED_CHARS, did_you_mean

MAX_ITEMS = 1000
KEYS = ("id", "method", "request", "view")
TARGET_MAX_CHARS = 8 * 1024
"""Of a method's path and of a view, as in the target of a request."""
ID_MAX_CHARS = 256
NOT_ONE_ITEM = "a batch is a JSON array of items, or NDJSON: one item a line"
SHAPE = '{"id": …, "method": "/package.Interface/Method", "request": {…}}'
VIEW = '{"_fields": "id,name", "_limit": 10}'


class Item(NamedTuple):
    """One item, or why it cannot be asked for."""

    id: str | int
    """Its index, if it has none."""
    path: str = ""
    query: bytes = b""
    """The view."""
    request: bytes = b""
    """JSON."""
    unknown: str | None = None
    """The first key that no item has."""
    problem: str = ""

    def check(self) -> None:
        problem = self.problem
        if self.unknown is not None:  # here, because finding the nearest one takes a while
            near = did_you_mean(self.unknown, KEYS, "`")
            problem = f"unknown key `{self.unknown}`{near} (there are: {', '.join(KEYS)})"
        if problem:
            raise GatewayError(Code.INVALID_ARGUMENT, problem)


def items_of(body: bytes, *, is_lines: bool) -> list[Item]:
    """The items of a JSON array, or of NDJSON. Raises GatewayError (INVALID_ARGUMENT)."""
    return [
        item_of(value, index)
        for index, value in enumerate(lines(body) if is_lines else array(body))
    ]


def array(body: bytes) -> list[object]:
    values = parse(body)
    if not isinstance(values, list):
        raise bad(f"the body is no JSON array; {NOT_ONE_ITEM}")
    if len(values) > MAX_ITEMS:
        raise too_many()
    return values


def lines(body: bytes) -> Iterator[object]:
    count = 0
    for number, line in enumerate(BytesIO(body.removeprefix(UTF8_BOM)), 1):
        if line.isspace():
            continue
        count += 1
        if count > MAX_ITEMS:
            raise too_many()
        try:
            yield parse(line)
        except GatewayError as error:
            raise bad(f"line {number} of {error.message}; {NOT_ONE_ITEM}") from None


def item_of(value: object, index: int) -> Item:
    if not isinstance(value, dict):
        return Item(index, problem=f"an item is an object: {SHAPE}")
    id_ = value.get("id", index)
    if not isinstance(id_, str | int) or isinstance(id_, bool) or len(str(id_)) > ID_MAX_CHARS:
        problem = f"`id` is a string or an integer, of at most {ID_MAX_CHARS} characters"
        return Item(index, problem=problem)
    for key in value:
        if key not in KEYS:
            return Item(id_, unknown=key[:QUOTED_CHARS])
    method, view = value.get("method"), value.get("view", {})
    if not isinstance(method, str) or not method or len(method) > TARGET_MAX_CHARS:
        return Item(id_, problem=f"`method` is the path of a method: {SHAPE}")
    if not isinstance(view, dict) or not all(map(is_parameter, view.values())):
        return Item(
            id_, problem='`view` has texts or integers: {"_fields": "id,name", "_limit": 10}'
        )
    if view.get("_format", "json") != "json":
        return Item(id_, problem="_format: answers in a batch are JSON; ask for it alone")
    query = urlencode(view)
    if len(query) > TARGET_MAX_CHARS:
        return Item(id_, problem=f"`view` is longer than {TARGET_MAX_CHARS // 1024} KB")
    try:
        request = orjson.dumps(value["request"]) if "request" in value else b""
    except orjson.JSONEncodeError:  # its limit is lower than that of parsing
        return Item(id_, problem="`request` is nested too deep")
    return Item(id_, "/" + method.lstrip("/"), query.encode(), request)


def is_parameter(value: object) -> bool:
    return isinstance(value, str | int) and not isinstance(value, bool)


def too_many() -> GatewayError:
    return bad(f"more than {MAX_ITEMS} items; send several batches, one after the other")


def bad(problem: str) -> GatewayError:
    return GatewayError(Code.INVALID_ARGUMENT, problem)
