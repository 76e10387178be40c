"""Finding something in a list that Cuebot answers, some rows at a time."""

from collections.abc import Iterable
from typing import Any

from google.protobuf.message_factory import GetMessageClass

from gateway.calls.message_fields import value_at
from gateway.calls.plan import Plan, plan_using_up
from gateway.codec.encode import UNREADABLE, unreadable
from gateway.codec.fields import owner_of
from gateway.codec.rewrite import BodyPath, Json, Rewritten, put
from gateway.codec.slices import rows_in
from gateway.codec.unknown import UnknownFieldPolicy
from gateway.long_work import STEP, in_turns, let_others_run
from gateway.schema.method import Listing, Method, RowSearch


def plan_of_listing(listing: Listing, asked: Any) -> Plan:
    """The call that answers the list, for the request of the look-up that found nothing."""
    sent: list[tuple[BodyPath, object]] = []
    for source, target, as_list in listing.copies:
        content = value_at(asked, source)
        sent.append((target, [content] if as_list else content))
    return plan_of(listing.method, [*sent, *listing.constants])


def plan_of(method: Method, sent: Iterable[tuple[BodyPath, object]]) -> Plan:
    """A call with these values, which may be names where others have ids."""
    body: Json = {}
    for target, content in sent:
        put(body, target, content, target)
    return plan_using_up(method, body, Rewritten(), UnknownFieldPolicy.EVERYTHING)


async def matching_rows(search: RowSearch, asked: Any, answer: bytes) -> list[Any]:
    """The rows of an answer that have the same values as `asked`.

    Others have their turn between steps. Raises GatewayError (INTERNAL) for bytes that are
    no such answer.
    """
    fields = search.path
    wanted = [(at, value_at(asked, source)) for at, source in search.where]
    holder: Any = GetMessageClass(owner_of(fields[-1]))
    found: list[Any] = []
    try:
        await let_others_run()
        _, runs, _ = await in_turns(rows_in(memoryview(answer), fields, STEP))
        for run in runs:
            for row in getattr(holder.FromString(run), fields[-1].name):
                if all(value_at(row, at) == one for at, one in wanted):
                    found.append(row)
                if STEP.is_over():
                    await let_others_run()
    except UNREADABLE as error:
        raise unreadable(owner_of(fields[0]), error) from error
    return found
