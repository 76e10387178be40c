"""Names that somebody may have meant, for one that Cuebot does not find."""

import re
from collections.abc import Sequence

from gateway.core.calls.invoke import Call, Invocation, parsed, reworded
from gateway.core.calls.plan import plan_of
from gateway.core.calls.rows import rows_with
from gateway.core.codec.rewrite import BodyPath
from gateway.core.errors import GatewayError, Sought
from gateway.core.schema.method import Method, value_at
from gateway.features.names.aspect import Listing, Near, RequestNames
from gateway.features.names.kept_names import KeptNames, NameList
from gateway.features.names.naming import newest_of, rows_of, says

SHORTEST_PART_CHARS = 3
SPECIAL = re.compile(r"[.+?^$|\\()\[\]{}]")
"""Characters with a meaning in patterns of conditions."""


async def with_near_name(
    error: GatewayError,
    sought: Sought,
    finder: Method,
    listing: Method,
    kept: KeptNames,
    principal: str,
    call: Call,
) -> GatewayError:
    """The error with the nearest name of the list; the error itself without one.

    `finder` did not find the name, and `listing` is the method of its `near`. Raises GatewayError
    if the list fails: its `sought` is what the name would be in, if that is not there either.
    """
    near = RequestNames.of(finder).near
    assert near is not None, "only such methods make a Sought"
    if "*" in sought.name:
        return reworded(error, f"{sought.said}{way_to_list(near, sought.name)}")
    asked = finder.parse_request(sought.asked)
    of = [(target, str(value_at(asked, source))) for source, target in near.copies]
    listed = await list_for(near, listing, sought.name, of, kept, principal, call)
    if listed is None or sought.name in listed:  # it is of something finished
        return error
    hint = await kept.hint(listed, sought.name, principal)
    return reworded(error, f"{sought.said}{hint}") if hint else error


def way_to_list(near: Near, pattern: str) -> str:
    """`; one name is expected here: …`: which read lists the names that fit a pattern, as far as
    rows with names are listed.
    """
    listing, name = (near.method, ".".join(near.names)) if near.rows else (None, "name")
    if listing is None and near.listing is not None:
        listing = near.listing.method
    one = "; one name is expected here"
    if listing is None:
        return one
    fits = ".*".join(SPECIAL.sub(r"\\\g<0>", part) for part in pattern.split("*"))
    path = listing.path.removeprefix("/")
    return f"{one}; what fits is listed by {path}?_where={name}~'^{fits}$'&_fields={name}"


async def list_for(
    near: Near,
    listing: Method,
    name: str,
    of: Sequence[tuple[BodyPath, object]],
    kept: KeptNames,
    principal: str,
    call: Call,
) -> NameList | None:
    """The list of `near` for a name, in which the request says what it is `of`.

    None and GatewayError are those of `KeptNames.list`.
    """
    sent: list[tuple[BodyPath, object]] = [*near.constants, *of]
    if near.part is not None:  # most misspelled names begin right
        part = name[: max(len(name) // 2, SHORTEST_PART_CHARS)]
        sent.append((near.part, [part.lower()]))

    async def read() -> list[str]:
        return await names_of(near, await Invocation(call).answer(plan_of(listing, sent)))

    key = (listing.path, *(f"{target}={content!r}" for target, content in sent))
    return await kept.list(key, principal, read)


async def reason(
    sought: Sought,
    finder: Method,
    listing: Listing,
    kept: KeptNames,
    principal: str,
    call: Call,
) -> str:
    """Why the name is not found, if this list has it: a job is finished. Empty if it has not."""

    async def read() -> list[str]:
        rows = await rows_of(Invocation(call), listing, finder, sought.asked)
        return [says(listing, sought.kind, newest_of(rows, listing))] if rows else []

    try:
        found = await kept.list((listing.method.path, sought.asked), principal, read)
    except GatewayError:
        return ""
    if found is None or not found.names:
        return ""
    return f"{sought.place}{sought.kind} {sought.name!r} {found.names[0]}"


async def names_of(near: Near, answer: bytes) -> list[str]:
    if not near.rows:
        return list(value_at(parsed(near.method, answer), near.names))
    return [value_at(row, near.names) for row in await rows_with(near.rows, (), answer)]
