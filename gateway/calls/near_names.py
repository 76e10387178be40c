"""Names that somebody may have meant, for one that Cuebot does not find."""

from typing import Any

from google.protobuf.message_factory import GetMessageClass

from gateway.calls.invoke import Call, parsed, reworded
from gateway.calls.rows import rows_with
from gateway.errors import GatewayError, Sought
from gateway.schema.method import Near, value_at
from gateway.suggestions import did_you_mean

LARGEST_LIST_BYTES = 2**20
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
        names = await names_of(near, answer) if len(answer) <= LARGEST_LIST_BYTES else []
    except GatewayError:
        return error
    hint = did_you_mean(sought.name, names, "'")
    if not hint:
        return error
    text = f"{sought.place}no {near.kind} {sought.name!r}{hint} (Cuebot: {sought.cuebot})"
    return reworded(error, text)


async def names_of(near: Near, answer: bytes) -> list[str]:
    if not near.rows:
        return list(value_at(parsed(near.method, answer), near.names))
    return [value_at(row, near.names) for row in await rows_with(near.rows, (), answer)]
