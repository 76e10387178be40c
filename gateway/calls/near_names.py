"""Names that somebody may have meant, for one that Cuebot does not find."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from typing import Any

from google.protobuf.message_factory import GetMessageClass

from gateway.calls.invoke import Call, parsed, reworded
from gateway.calls.rows import rows_with
from gateway.errors import GatewayError, Sought
from gateway.long_work import let_others_run
from gateway.schema.method import Near, value_at
from gateway.suggestions import MAX_COMPARED_NAMES, did_you_mean
from gateway.upstream.interface import takes_all

LARGEST_LIST_BYTES = 2**20
NAMES_PER_STEP = 25
SHORTEST_PART_CHARS = 3


async def with_near_names(
    error: GatewayError, sought: Sought, near: Near, call: Call
) -> GatewayError:
    """The error with the nearest name; the error itself without one, or if the list fails."""
    request: Any = GetMessageClass(near.method.descriptor.input_type)()
    if near.part:  # a misspelled letter may be anywhere: more are in the second half
        part = sought.name[: max(len(sought.name) // 2, SHORTEST_PART_CHARS)]
        value_at(request, near.part).append(part.lower())
    try:
        answer = await call(near.method, request.SerializeToString())
        names = await alike(sought.name, await names_of(near, answer))
    except GatewayError:
        return error
    hint = did_you_mean(sought.name, names, "'")
    if not hint:
        return error
    text = f"{sought.place}no {near.kind} {sought.name!r}{hint} (Cuebot: {sought.cuebot})"
    return reworded(error, text)


def takes_short(size: int, go_on: Callable[[], None]) -> bool:
    """See `Expects`: a longer list is not received."""
    return size <= LARGEST_LIST_BYTES and takes_all(size, go_on)


async def alike(name: str, names: Sequence[str]) -> list[str]:
    """The names that are near, compared in steps: long ones take some 70 µs each."""
    sought, found = name.lower(), list[str]()
    for start in range(0, min(len(names), MAX_COMPARED_NAMES), NAMES_PER_STEP):
        await let_others_run()
        some = {each.lower(): each for each in names[start : start + NAMES_PER_STEP]}
        found += [some[each] for each in get_close_matches(sought, some, n=3)]
        found += [each for lower, each in some.items() if lower.startswith(sought)]
    return found


async def names_of(near: Near, answer: bytes) -> list[str]:
    if not near.rows:
        return list(value_at(parsed(near.method, answer), near.names))
    return [value_at(row, near.names) for row in await rows_with(near.rows, (), answer)]
