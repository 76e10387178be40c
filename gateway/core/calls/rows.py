"""Rows of lists: whether some are left out, and which of them match a look-up."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec.encode import UNREADABLE, unreadable
from gateway.core.codec.fields import owner_of
from gateway.core.codec.slices import rows_in
from gateway.core.long_work import STEP, begin_at_once, in_turns, let_others_run
from gateway.core.profile.schema_paths import RowSearch
from gateway.core.schema.method import FieldPath, Method, value_at


async def is_cut(method: Method, answer: bytes, cut_at: int) -> bool:
    rows = method.rows
    if not cut_at or rows is None:
        return False
    begin_at_once()
    try:
        _, _, count = await in_turns(rows_in(memoryview(answer), rows.fields, STEP))
    except DecodeError:  # reported where the answer is read
        return False
    return count >= cut_at


async def matching_rows(search: RowSearch, asked: Any, answer: bytes) -> list[Any]:
    """Yields to other tasks between steps. Raises GatewayError (INTERNAL) for an invalid answer."""
    wanted = [(at, value_at(asked, source)) for at, source in search.where]
    return await rows_with(search.path, wanted, answer)


async def rows_with(
    fields: tuple[FieldDescriptor, ...], wanted: Sequence[tuple[FieldPath, object]], answer: bytes
) -> list[Any]:
    """The rows with these values of the list at `fields`."""
    return [
        row
        async for row in each_row(fields, answer)
        if all(value_at(row, at) == one for at, one in wanted)
    ]


async def each_row(fields: tuple[FieldDescriptor, ...], answer: bytes) -> AsyncIterator[Any]:
    """The rows of the list at `fields`. Raises GatewayError (INTERNAL) for an invalid answer."""
    holder: Any = GetMessageClass(owner_of(fields[-1]))
    try:
        await let_others_run()
        _, runs, _ = await in_turns(rows_in(memoryview(answer), fields, STEP))
        for run in runs:
            for row in getattr(holder.FromString(run), fields[-1].name):
                yield row
                if STEP.is_over():
                    await let_others_run()
    except UNREADABLE as error:
        raise unreadable(owner_of(fields[0]), error) from error
