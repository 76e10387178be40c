"""The look-up of an object by its name, and the lists beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from urllib.parse import quote

from gateway.core.calls.failures import Ambiguous, called
from gateway.core.calls.invoke import asked_at, sought_at, values_before
from gateway.core.calls.plan import Calls, Found, NothingFound, Plan, Prior, plan_of
from gateway.core.calls.rows import matching_rows
from gateway.core.codec.rewrite import BodyPath
from gateway.core.errors import Code, GatewayError
from gateway.core.schema.method import Method, set_at, value_at
from gateway.core.suggestions import QUOTED_CHARS
from gateway.features.names.aspect import Finder, Listing, Reference

MAX_LISTED_NAMESAKES = 10


@dataclass(frozen=True, slots=True)
class Naming:
    reference: Reference
    finder: Finder
    is_alone: bool
    """Whether requests have no other place for a name."""

    @property
    def method(self) -> Method:
        return self.finder.method

    async def run(self, calls: Calls, method: Method, request: Any, prior: Prior) -> Found:
        """Where the finder finds nothing, a row of the list beside it is good enough for a read."""
        place, finder = self.reference.at(prior.item), self.finder
        start = "" if self.is_alone else f"{place}: "
        nothing = partial(nothing_found, self)
        found = await calls.value_of(prior.plan, finder.take, nothing, place, start)
        if isinstance(found, NothingFound):
            found = await self._in_list(calls, found, start, method, request)
        self._put(request, prior.item, found)
        return Found(place, found, finder.method, prior.plan.payload)

    async def _in_list(
        self, calls: Calls, nothing: NothingFound, start: str, method: Method, request: Any
    ) -> object:
        listing, asked, kind = self.finder.listing, nothing.asked, self.reference.kind
        if listing is None or not listing.says or asked is None:
            raise nothing.error.again()
        rows = await rows_of(calls, with_given(listing, asked), asked.method, asked.payload)
        if not rows:
            raise nothing.error.again()
        newest = newest_of(rows, listing)
        only_with = listing.only_with
        if not method.reads_only or (only_with and not value_at(request, only_with)):
            what = ", ".join(sought_at(asked, place) for place in self.finder.asks)
            if what.startswith("name "):
                what = f"{kind} {what.removeprefix('name ')}"
            problem = f"{start}{what} {says(listing, kind, newest)}"
            raise GatewayError(Code.NOT_FOUND, problem)
        many = f"; newest of {len(rows)}" if len(rows) > 1 else ""
        name = quote(str(newest.id)[:QUOTED_CHARS])  # for a header
        calls.note_resolved(f"{kind}={name}{many}")
        return newest.id

    def _put(self, request: Any, item: int | None, found: object) -> None:
        reference = self.reference
        path = reference.place.original
        if item is None:
            set_at(request, path if reference.is_text else (*path, "id"), found)
        elif reference.is_text:
            value_at(request, path)[item] = found
        else:
            value_at(request, path)[item].id = found


def nothing_found(naming: Naming, asked: Plan) -> str:
    """`no filter 'x' in show 'demo' (only pending jobs are found)`."""
    first, *others = naming.finder.asks
    name = f"{asked_at(asked, first)!r:.{QUOTED_CHARS}}"
    within = ", ".join(sought_at(asked, place) for place in others)
    only = f" (only {naming.finder.only} are found)" if naming.finder.only else ""
    return f"no {naming.reference.kind} {name}{f' in {within}' if within else ''}{only}"


def with_given(listing: Listing, asked: Plan) -> Listing:
    values = {step.given: value for step, value in values_before(asked)}
    more = tuple((to, values[place]) for place, to in listing.given if place in values)
    return replace(listing, constants=listing.constants + more) if more else listing


async def rows_of(calls: Calls, listing: Listing, method: Method, payload: bytes) -> list[Any]:
    """The rows of a list that match a request of the method. Raises GatewayError."""
    request = method.parse_request(payload)
    try:
        answer = await calls.answer(plan_of_listing(listing, request))
    except GatewayError as error:
        if error.code is Code.NOT_FOUND:
            return []
        raise
    return await matching_rows(listing.rows, request, answer)


def plan_of_listing(listing: Listing, asked: Any) -> Plan:
    """The list's call, for a look-up that found nothing."""
    sent: list[tuple[BodyPath, object]] = []
    for source, target, as_list in listing.copies:
        content = value_at(asked, source)
        sent.append((target, [content] if as_list else content))
    return plan_of(listing.method, [*sent, *listing.constants])


def newest_of(rows: Sequence[Any], listing: Listing) -> Any:
    if not listing.newest:
        return rows[0]
    return max(rows, key=lambda row: value_at(row, listing.newest))


def says(listing: Listing, kind: str, row: Any) -> str:
    """`is finished (job id '…')`: why a look-up does not find what a list has."""
    return f"{listing.says} ({kind} id {str(row.id)[:QUOTED_CHARS]!r})"


async def with_namesakes(
    listing: Listing, error: Ambiguous, calls: Calls, method: Method, payload: bytes
) -> Ambiguous:
    """The error with the ids of all objects of that name; the error itself if there is none."""
    rows = await rows_of(calls, listing, method, payload)
    if not rows:
        return error
    ids = ", ".join(str(row.id) for row in rows[:MAX_LISTED_NAMESAKES])
    more = ", …" if len(rows) > MAX_LISTED_NAMESAKES else ""
    problem = (
        f"there are {len(rows)} {called(method, payload)}: send the id of one in calls"
        f" about it, in place of the name: {ids}{more}"
    )
    return Ambiguous(problem, error.cuebot)
