"""A read by a caller whose access rule shows only a part (`see`)."""

from collections.abc import Sequence
from typing import Any

from google.protobuf.message_factory import GetMessageClass

from gateway.core.calls.failures import Ambiguous, subjects
from gateway.core.calls.invoke import Call, parsed
from gateway.core.calls.plan import Found
from gateway.core.codec.encode import UNREADABLE, unreadable
from gateway.core.codec.fields import owner_of
from gateway.core.codec.slices import rows_in
from gateway.core.errors import Code, GatewayError
from gateway.core.long_work import STEP, begin_at_once, in_turns, let_others_run
from gateway.core.schema.method import Method, set_at, value_at
from gateway.features.object_rights.aspect import NamedRows, Objects
from gateway.features.object_rights.facts import (
    FactFinder,
    ObjectInRequest,
    objects_of,
    why_unknown,
)
from gateway.features.object_rights.restriction import NOTHING_TO_SEE
from gateway.features.object_rights.visibility import (
    NOTHINGS_NAME,
    Hidden,
    InSight,
    Node,
    Sight,
    Visibility,
    visible,
)


class NotJudged(Exception):
    """Nobody can say whether a read shows what may not be seen. The text says why."""


async def answer_in_sight(
    visibility: Visibility,
    method: Method,
    payload: bytes,
    found: Sequence[Found],
    sight: Sight,
    facts: FactFinder,
    call: Call,
    holders: Sequence[tuple[str, str]] = (),
) -> bytes:
    """Cuebot's answer without what may not be seen.

    Raises NotJudged, and GatewayError: NOT_FOUND for what is not there and what may not be seen,
    with the same message and after the same number of calls.
    """
    names = Objects.of(method).named_rows
    if names is not None:
        asked = request_for(names, method, payload)
        listed = await answer_in_sight(visibility, names.method, asked, found, sight, facts, call)
        return await names_in(method, names, listed)
    if not visibility.is_judged:
        raise NotJudged(NOTHING_TO_SEE)
    rows = visibility.rows
    if visibility.by_request:
        about = visibility.method
        objects = await facts.about(about, payload, found, sight.facts, call, holders, sight)
        rows = looked_at(visibility, objects)
    if rows is visibility.rows:
        check_pages(method, payload)
    answer = await answer_if_there(method, sight.confined(method, payload), found, call)
    if visibility.owner is not None:  # asked also of what is not there, as of what is hidden
        place, owner = visibility.owner
        owner_id = NOTHINGS_NAME if answer is None else value_at(parsed(method, answer), place)
        if not await facts.of_owner(owner, owner_id, method, call, sight):
            answer = None
    if answer is None:
        raise not_seen(method, payload)
    if rows is None:
        return answer
    left = await cut(method, answer, rows, sight, facts, call)
    is_told = visibility.is_about_known or rows is not visibility.rows
    if left is None or not (is_told or left.has_rows or not asks_about_one(method, payload)):
        raise not_seen(method, payload)
    return left.content


async def cut(
    method: Method, answer: bytes, rows: Node, sight: Sight, facts: FactFinder, call: Call
) -> InSight | None:
    """The rows in sight; None if the answer is one object that is not."""
    try:
        left = await rows_in_sight(method, answer, rows, sight)
        if await facts.of_names(sight, method, call):
            left = await rows_in_sight(method, answer, rows, sight)
    except Hidden:
        return None
    return left


async def rows_in_sight(method: Method, answer: bytes, rows: Node, sight: Sight) -> InSight:
    """Raises Hidden."""
    begin_at_once()
    try:
        return await in_turns(visible(memoryview(answer), rows, sight))
    except UNREADABLE as error:
        raise unreadable(method.descriptor.output_type, error) from error


def check_pages(method: Method, payload: bytes) -> None:
    """Raises NotJudged for a page of rows, which counts those that may not be seen."""
    request = method.parse_request(payload)
    for path in Objects.of(method).pages:
        if value_at(request, path):
            raise NotJudged(f"{'.'.join(path)} would count what may not be seen; leave it out")


def looked_at(visibility: Visibility, objects: Sequence[ObjectInRequest]) -> Node | None:
    """What is looked at in the answer to a request with these objects. Raises NotJudged."""
    unknown = [each for each in objects if not each.facts]
    if objects and not unknown:
        return visibility.rest
    for each in unknown:
        if each.unknown or visibility.rows is None:
            raise NotJudged(why_unknown(each))
    if visibility.rows is None:
        raise NotJudged("its request has no object")
    return visibility.rows


async def answer_if_there(
    method: Method, payload: bytes, found: Sequence[Found], call: Call
) -> bytes | None:
    """None for what is not there, or not told apart by its name."""
    try:
        return await call(method, payload, found)
    except GatewayError as error:
        if error.code is not Code.NOT_FOUND and not isinstance(error, Ambiguous):
            raise
        return None


def asks_about_one(method: Method, payload: bytes) -> bool:
    """Whether an object is in the request, of which nobody is told that it is there."""
    return any(thing for _, _, thing in objects_of(method, method.parse_request(payload)))


def not_seen(method: Method, payload: bytes) -> GatewayError:
    what = subjects(method, payload)
    return GatewayError(Code.NOT_FOUND, f"{what} is not there, or you may not see it")


def request_for(names: NamedRows, method: Method, payload: bytes) -> bytes:
    """The request for the rows of which the method answers the names."""
    asked, request = method.parse_request(payload), names.method.parse_request()
    for source, target in names.copies:
        value_at(request, target).CopyFrom(value_at(asked, source))
    for place, content in names.constants:
        set_at(request, place, content)
    whole: bytes = request.SerializeToString()
    return whole


async def names_in(method: Method, names: NamedRows, answer: bytes) -> bytes:
    """The method's answer: the names of the rows in another's.

    Yields to other tasks between steps. Raises GatewayError (INTERNAL) for an invalid answer.
    """
    last = names.rows[-1]
    holder: Any = GetMessageClass(owner_of(last))
    found: Any = GetMessageClass(method.descriptor.output_type)()
    put = getattr(found, names.put)
    try:
        _, runs, _ = await in_turns(rows_in(memoryview(answer), names.rows, STEP))
        for run in runs:
            rows = getattr(holder.FromString(run), last.name)
            put.extend(value_at(row, names.name) for row in rows)
            if STEP.is_over():
                await let_others_run()
    except UNREADABLE as error:
        raise unreadable(owner_of(names.rows[0]), error) from error
    whole: bytes = found.SerializeToString()
    return whole
