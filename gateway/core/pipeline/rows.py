"""Rows of lists: how many a request asks for, and which of them match a look-up."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from gateway.core.codec.encode import UNREADABLE, unreadable
from gateway.core.codec.fields import owner_of
from gateway.core.codec.slices import rows_in
from gateway.core.long_work import STEP, begin_at_once, in_turns, let_others_run
from gateway.core.pipeline.plan import Plan
from gateway.core.schema.method import FieldPath, Method, RowSearch, set_at, value_at
from gateway.features.views.compiled_view import AnswerForm, AnswerViews, Asked, CompiledView
from gateway.features.watch.aspect import Watching


class RowsAsked(NamedTuple):
    plan: Plan
    view: CompiledView | AnswerForm | None
    cut_at: int = 0
    """With this many rows, the answer may be incomplete; 0 if that does not matter."""


def ask_for_rows(
    planned: Plan,
    view: CompiledView | AnswerForm | None,
    asked: Asked = (),
    accept: bytes | None = None,
) -> RowsAsked:
    """Views never select from incomplete rows silently.

    Without a limit of the client's, all rows are requested. With the client's limit or the
    profile's, the answer may be cut. A page has the profile's limit of rows. `view` was made from
    `asked` and `accept`.
    """
    method, limit = planned.method, planned.method.row_limit
    if planned.most_rows is not None:
        view = AnswerViews.of(method).limited(asked, accept, planned.most_rows)
    if limit is None:
        return RowsAsked(planned, view)
    chooses = view is not None and view.chooses
    if not (chooses or planned.defaulted):
        return RowsAsked(planned, view)
    request = method.parse_request(planned.payload)
    is_whole = limit.page is None or value_at(request, limit.page) <= 1
    if chooses and is_whole and limit.name in planned.defaulted:
        set_at(request, limit.path, limit.views)
        others = tuple(name for name in planned.defaulted if name != limit.name)
        sent = planned._replace(payload=request.SerializeToString(), defaulted=others)
        return RowsAsked(sent, view)
    return RowsAsked(planned, view, max(value_at(request, limit.path), 0))


def keeping_rows(planned: Plan) -> Plan:
    """The plan of a request whose rows are waited for: what it names stays in the answer."""
    stays = Watching.of(planned.method).stays
    if stays is None:
        return planned
    request = planned.method.parse_request(planned.sent)
    if not any(value_at(request, path) for path in stays.named_by):
        return planned
    for path, content in stays.constants:
        set_at(request, path, content)
    payload, looked_up = request.SerializeToString(), planned.looked_up
    if looked_up is None:
        return planned._replace(payload=payload)
    return planned._replace(looked_up=looked_up._replace(payload=payload))


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
