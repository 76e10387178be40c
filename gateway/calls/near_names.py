"""Names that somebody may have meant, for one that Cuebot does not find."""

from collections.abc import Callable, Sequence
from difflib import get_close_matches

from gateway.calls.invoke import Call, Invocation, newest_of, parsed, reworded, says
from gateway.calls.plan import plan_of
from gateway.calls.rows import rows_with
from gateway.codec.rewrite import BodyPath
from gateway.errors import GatewayError, Sought
from gateway.long_work import let_others_run
from gateway.schema.method import Listing, Method, Near, value_at
from gateway.suggestions import MAX_COMPARED_NAMES, did_you_mean, is_part
from gateway.upstream.interface import takes_all

LARGEST_LIST_BYTES = 2**20
NAMES_PER_STEP = 25
SHORTEST_PART_CHARS = 3


async def with_near_name(
    error: GatewayError, sought: Sought, finder: Method, listing: Method, call: Call
) -> GatewayError:
    """The error with the nearest name of the list; the error itself without one.

    `finder` did not find the name, and `listing` is the method of its `near`. Raises GatewayError
    if the list fails: its `sought` is what the name would be in, if that is not there either.
    """
    near = finder.near
    assert near is not None, "only such methods make a Sought"
    asked = finder.parse_request(sought.asked)
    sent: list[tuple[BodyPath, object]] = list(near.constants)
    sent += [(target, str(value_at(asked, source))) for source, target in near.copies]
    if near.part is not None:  # most misspelled names begin right
        part = sought.name[: max(len(sought.name) // 2, SHORTEST_PART_CHARS)]
        sent.append((near.part, [part.lower()]))
    names = await names_of(near, await Invocation(call).answer(plan_of(listing, sent)))
    if sought.name in names:  # it is of something finished
        return error
    hint = did_you_mean(sought.name, await alike(sought.name, names), "'")
    if not hint:
        return error
    what = f"{sought.place}no {sought.kind} {sought.name!r}{sought.within}"
    return reworded(error, f"{what}{hint} (Cuebot: {sought.cuebot})")


async def with_reason(
    error: GatewayError, sought: Sought, finder: Method, listing: Listing, call: Call
) -> GatewayError:
    """The error that says why the name is not found, if this list has it: a job is finished."""
    try:
        rows = await Invocation(call).rows_of(listing, finder, sought.asked)
    except GatewayError:
        return error
    if not rows:
        return error
    why = says(listing, sought.kind, newest_of(rows, listing))
    what = f"{sought.place}{sought.kind} {sought.name!r}"
    return reworded(error, f"{what} {why} (Cuebot: {sought.cuebot})")


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
        found += [
            each
            for lower, each in some.items()
            if lower.startswith(sought) or is_part(sought, each)
        ]
    return found


async def names_of(near: Near, answer: bytes) -> list[str]:
    if not near.rows:
        return list(value_at(parsed(near.method, answer), near.names))
    return [value_at(row, near.names) for row in await rows_with(near.rows, (), answer)]
