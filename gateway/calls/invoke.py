"""Making the calls of a plan, with one deadline for all of them."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from time import monotonic
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

from google.protobuf.message_factory import GetMessageClass

from gateway.calls.failures import Ambiguous, error_for, goes_on, subjects
from gateway.calls.missing_ids import is_name
from gateway.calls.plan import Plan, plan_of, plan_of_listing
from gateway.calls.rows import matching_rows
from gateway.codec.encode import UNREADABLE, unreadable
from gateway.codec.rewrite import BodyPath
from gateway.errors import Code, GatewayError
from gateway.long_work import STEP, let_others_run
from gateway.schema.method import (
    Copies,
    Instead,
    Listing,
    LookUp,
    Method,
    Naming,
    Reference,
    Unique,
    set_at,
    value_at,
)
from gateway.suggestions import SHOWN
from gateway.upstream.interface import CallFailed, Expects, Metadata, Upstream, takes_all


class Found(NamedTuple):
    """What a look-up has found for a request."""

    place: str
    """The field of the request that it is for."""
    value: object
    """An object's id, in most cases."""
    method: Method
    asked: bytes
    """The look-up's method and request, which say what was looked for."""


class Missing(NamedTuple):
    """An object in a request whose id has to be found."""

    place: str
    """Where the client has it."""
    set_id: Callable[[object], None]


class Call(Protocol):
    """Sends a request to Cuebot and returns the answer, or raises GatewayError."""

    def __call__(
        self, method: Method, payload: bytes, found: Sequence[Found] = ()
    ) -> Awaitable[bytes]:
        """`found` is what of the request comes from look-ups."""


MOST_NAMESAKES = 10
"""Ids that an error lists."""
Around = Callable[[Call], Call]
"""What else is done about each call."""


async def invoke(
    plan: Plan,
    upstream: Upstream,
    *,
    timeout: float,
    metadata: Metadata = (),
    expects: Expects = takes_all,
    around: Around | None = None,
    resolved: list[str] | None = None,
) -> bytes:
    """Cuebot's answer to a plan. All of its calls together may take `timeout` seconds.

    `expects` is told of large answers before they are received, and each call is made as `around`
    has it. What a name stands for that Cuebot itself does not find is added to `resolved`.

    Raises GatewayError: as `error_for` says for a call that has failed; for a look-up that fails,
    (NOT_FOUND) finds nothing or (ALREADY_EXISTS) what the call would make, when the call itself is
    not made; and for a follow-up that fails, with what has happened before it. Cancelling the
    caller's task cancels the call under way.
    """
    method = plan.method
    plain = method.namesakes is None and method.instead is None
    if plain and not (plan.look_ups or plan.follow_ups or around):
        try:
            return await upstream.call(plan.method.path, plan.payload, timeout, metadata, expects)
        except CallFailed as failed:
            raise error_for(failed, plan.method, plan.payload) from None
    deadline = monotonic() + timeout

    async def call(method: Method, payload: bytes, found: Sequence[Found] = ()) -> bytes:
        left = max(deadline - monotonic(), 0)
        try:
            return await upstream.call(method.path, payload, left, metadata, expects)
        except CallFailed as failed:
            raise error_for(failed, method, payload) from None

    made = around(call) if around else call
    if not (plan.look_ups or plan.follow_ups):
        return await answer_of(method, plan.payload, made, (), resolved)
    return await invoke_steps(plan, made, resolved)


async def invoke_steps(plan: Plan, call: Call, resolved: list[str] | None = None) -> bytes:
    """Look up, call, follow up."""
    payload, known = await looked_up(plan, call, resolved)
    answer = await own_answer(plan, payload, call, known, resolved)
    return await follow(plan, answer, call) if plan.follow_ups else answer


async def looked_up(
    plan: Plan, call: Call, resolved: list[str] | None
) -> tuple[bytes, Sequence[Found]]:
    """The request of a plan with all that its look-ups find, and what that is."""
    if not plan.look_ups:
        return plan.payload, ()
    known: list[Found] = []
    reads = plan.method.reads_only
    request = GetMessageClass(plan.method.descriptor.input_type).FromString(plan.payload)
    missing: dict[Reference, Iterator[Missing | None]] = {}
    for look_up, asked in plan.look_ups:
        if isinstance(look_up, Unique):
            await check_absent(look_up, asked.payload, call)
        elif isinstance(look_up, LookUp):
            found = await look(str(look_up.given), look_up, asked, call, reads, resolved)
            set_at(request, look_up.put.original, found)
            known.append(Found(str(look_up.given), found, look_up.method, asked.payload))
        else:
            reference = look_up.reference
            if reference not in missing:
                missing[reference] = missing_in(request, reference)
            while (next_one := next(missing[reference])) is None:
                await let_others_run()
            place, set_id = next_one
            takes = reads and takes_rows(request, look_up)
            found = await look(place, look_up, asked, call, takes, resolved)
            set_id(found)
            known.append(Found(place, found, look_up.method, asked.payload))
    return request.SerializeToString(), known


async def own_answer(
    plan: Plan, payload: bytes, call: Call, known: Sequence[Found], resolved: list[str] | None
) -> bytes:
    """The answer to the call of a plan. Raises GatewayError (NOT_FOUND) for one to something else.

    A name that was found for an id may be one that several things have.
    """
    answer = await answer_of(plan.method, payload, call, known, resolved)
    for step, value in sought_first(plan):
        if step.same and value_at(parsed(plan.method, answer), step.same) != value:
            problem = f"what {plan.method.path} found is not of {value!r:.{SHOWN}}"
            raise GatewayError(
                Code.NOT_FOUND, f"{step.given}: {problem}, but of another of that name"
            )
    return answer


async def answer_of(
    method: Method, payload: bytes, call: Call, known: Sequence[Found], resolved: list[str] | None
) -> bytes:
    """Cuebot's answer to the call itself, or to those that answer for it."""
    if method.instead is not None and not method.instead.is_native:
        return await hop(method, method.instead, payload, call, resolved)
    try:
        return await call(method, payload, known)
    except GatewayError as error:
        if not goes_on(error, method):
            raise
        if isinstance(error, Ambiguous):
            assert method.namesakes is not None
            raise await namesakes(error, method.namesakes, method, payload, call) from None
        absent = error
    instead = method.instead
    assert instead is not None
    if instead.name is not None:
        asked = GetMessageClass(method.descriptor.input_type).FromString(payload)
        if not is_name(value_at(asked, instead.name)):
            raise absent
    try:
        return await hop(method, instead, payload, call, resolved)
    except GatewayError as error:
        no_name = instead.name is not None and error.code is Code.INVALID_ARGUMENT
        raise absent if no_name or error.code is Code.NOT_FOUND else error from None


async def hop(
    method: Method, instead: Instead, payload: bytes, call: Call, resolved: list[str] | None
) -> bytes:
    """The answer that other calls give together. Raises GatewayError."""
    asked = GetMessageClass(method.descriptor.input_type).FromString(payload)
    found: Any = None
    for each in instead.hops:
        sent = [(target, value_at(asked, source)) for source, target in each.copies]
        if each.send is not None:
            sent.append((each.send, found))
        answer = await invoke_steps(plan_of(each.method, sent), call, resolved)
        if each.rows is not None:
            rows = await matching_rows(each.rows, asked, answer)
            if not rows:
                problem = f"{subjects(method, payload)} is not there ({each.method.path} has none)"
                raise GatewayError(Code.NOT_FOUND, problem)
            found = rows[0]
        else:
            found = parsed(each.method, answer)
        found = value_at(found, each.take)
    message = GetMessageClass(method.descriptor.output_type)()
    getattr(message, instead.put).CopyFrom(found)
    whole: bytes = message.SerializeToString()
    return whole


def missing_in(request: Any, reference: Reference) -> Iterator[Missing | None]:
    """Each object in a message that has no id; the plan of the message has them in this order.

    None stands for a step that is over: a list may be long.
    """
    place, path = str(reference.place), reference.place.original
    if not reference.listed:
        id_path = path if reference.is_text else (*path, "id")
        yield Missing(place, partial(set_at, request, id_path))
        return
    items = value_at(request, path)
    for number, item in enumerate(items):
        if reference.is_text and is_name(item):
            yield Missing(f"{place}[{number}]", partial(items.__setitem__, number))
        elif not (reference.is_text or item.id):
            yield Missing(f"{place}[{number}]", partial(setattr, item, "id"))
        elif STEP.is_over():
            yield None


async def look(
    place: str,
    by: LookUp | Naming,
    asked: Plan,
    call: Call,
    reads: bool,
    resolved: list[str] | None,
) -> object:
    """What a look-up finds for the field at `place`. Raises GatewayError that names both.

    What it does not find may be in a list: `reads` says whether that is good enough.
    """
    path = by.method.path
    take = by.take if isinstance(by, LookUp) else by.finder.take
    listing = None if isinstance(by, LookUp) else by.finder.listing
    payload = None
    try:
        payload, known = await looked_up(asked, call, resolved)
        asked = asked._replace(payload=payload)
        answer = parsed(by.method, await own_answer(asked, payload, call, known, resolved))
        found: object = value_at(answer, take)
        if found:
            return found
        absent = GatewayError(Code.NOT_FOUND, f"{place}: {nothing_found(by, asked)}")
    except Ambiguous as error:
        raise reworded(error, f"{place}: {error.message}") from None
    except GatewayError as error:
        if error.code is not Code.NOT_FOUND:
            said = error.message or error.code.name
            raise reworded(error, f"{place}: {path} failed: {said}") from None
        message = f"{nothing_found(by, asked)}: {error.message}"
        absent = reworded(error, f"{place}: {message}")
    if listing is None or not listing.says or payload is None:
        raise absent
    assert isinstance(by, Naming)
    listing = with_given(listing, asked)
    rows = await rows_of(listing, asked.method, payload, call, resolved)
    if not rows:
        raise absent
    kind = by.reference.kind
    if not reads:
        what = sought(by, asked)
        if what.startswith("name "):
            what = f"{kind} {what.removeprefix('name ')}"
        raise GatewayError(Code.NOT_FOUND, f"{place}: {what} {listing.says}")
    newest = max(rows, key=lambda row: value_at(row, listing.newest)) if listing.newest else rows[0]
    if resolved is not None:
        many = f"; newest of {len(rows)}" if len(rows) > 1 else ""
        resolved.append(f"{kind}={quote(str(newest.id)[:SHOWN])}{many}")  # it is in a header
    return newest.id


async def rows_of(
    listing: Listing, method: Method, payload: bytes, call: Call, resolved: list[str] | None
) -> list[Any]:
    """The rows of a list that fit what a look-up has asked for; none if there is no such list."""
    request = GetMessageClass(method.descriptor.input_type).FromString(payload)
    try:
        answer = await invoke_steps(plan_of_listing(listing, request), call, resolved)
    except GatewayError as error:
        if error.code is Code.NOT_FOUND:
            return []
        raise
    return await matching_rows(listing.rows, request, answer)


async def namesakes(
    error: Ambiguous, listing: Listing, method: Method, payload: bytes, call: Call
) -> Ambiguous:
    """The error for several of one name, with the ids by which they can be told apart."""
    rows = await rows_of(listing, method, payload, call, None)
    if not rows:
        return error
    ids = ", ".join(str(row.id) for row in rows[:MOST_NAMESAKES])
    more = ", …" if len(rows) > MOST_NAMESAKES else ""
    what = subjects(method, payload, " and ")
    problem = f"there are {len(rows)} of {what}: {ids}{more}; send the id of one"
    return Ambiguous(problem, error.cuebot)


def nothing_found(by: LookUp | Naming, asked: Plan) -> str:
    """`/job.JobInterface/FindJob found nothing for name 'x' (it finds pending jobs only)`."""
    only = by.finder.only if isinstance(by, Naming) else ""
    more = f" (it finds {only} only)" if only else ""
    return f"{by.method.path} found nothing for {sought(by, asked)}{more}"


def sought(by: LookUp | Naming, asked: Plan) -> str:
    """What a look-up has asked for: `name 'x', show 'demo'`."""
    asks = (by.send,) if isinstance(by, LookUp) else by.finder.asks
    return ", ".join(sought_at(asked, place) for place in asks)


def sought_at(asked: Plan, place: BodyPath) -> str:
    """What a look-up has asked for at a place, and by what: `job 'x' (job.id '…')`."""
    value = asked_at(asked, place)
    text = f"{place} {value!r:.{SHOWN}}"
    for step, given in sought_first(asked):
        if step.put == place != step.given:
            known_by = f"{step.given} {given!r:.{SHOWN}}"
            return f"{text} ({known_by})" if value else known_by
    return text


def asked_at(asked: Plan, place: BodyPath) -> object:
    """What a look-up asks for at a place, which may be one that only a look-up of its own reads."""
    for step, value in sought_first(asked):
        if step.given == place:
            return value
    request = GetMessageClass(asked.method.descriptor.input_type).FromString(asked.payload)
    return value_at(request, place.original)


def sought_first(plan: Plan) -> Iterator[tuple[LookUp, object]]:
    """The look-ups for fields of a plan, with what each looks for."""
    for step, before in plan.look_ups:
        if isinstance(step, LookUp):
            yield step, asked_at(before, step.send)


def takes_rows(request: Any, by: Naming) -> bool:
    """Whether a request that only reads takes what a list has, and the look-up does not find."""
    listing = by.finder.listing
    return listing is None or not listing.only_with or bool(value_at(request, listing.only_with))


def with_given(listing: Listing, asked: Plan) -> Listing:
    """A list that is asked also for what the look-ups before a look-up were given."""
    values = {step.given: value for step, value in sought_first(asked)}
    more = tuple((to, values[place]) for place, to in listing.given if place in values)
    return replace(listing, constants=listing.constants + more) if more else listing


async def check_absent(unique: Unique, request: bytes, call: Call) -> None:
    """Raises GatewayError if there is something of that name, or if that cannot be told.

    Something that is found by another name than its own, such as an alias, does not count.
    """
    place, path = str(unique.given), unique.method.path
    try:
        answer = parsed(unique.method, await call(unique.method, request))
    except GatewayError as error:
        if error.code is Code.NOT_FOUND:
            return
        raise reworded(
            error, f"{place}: {path} failed: {error.message or error.code.name}"
        ) from None
    asked = GetMessageClass(unique.method.descriptor.input_type).FromString(request)
    name = value_at(asked, unique.send.original)
    if value_at(answer, unique.found) == name:
        raise GatewayError(Code.ALREADY_EXISTS, f"{place}: {name!r} exists already ({path})")


async def follow(plan: Plan, answer: bytes, call: Call) -> bytes:
    """Make the follow-up calls, and return the answer as it is after them."""
    step, done = plan.method, []
    try:
        message = parsed(step, answer)
        done.append(step.path)
        for follow_up, payload in plan.follow_ups:
            step = follow_up.method
            await call(step, filled(step, payload, message, follow_up.copies))
            done.append(step.path)
        for reading in plan.rereadings:
            step = reading.method
            now = parsed(step, await call(step, filled(step, b"", message, reading.copies)))
            value_at(message, reading.take).CopyFrom(value_at(now, reading.take))
    except GatewayError as error:
        if not done:
            raise reworded(error, f"{step.path} was called, but: {error.message}") from None
        happened = f"{', '.join(done)} succeeded, then {step.path} failed"
        # Without the headers that would invite the client to repeat all of it.
        raise GatewayError(
            error.code,
            f"{happened}: {error.message or error.code.name}",
            status=error.status,
            details=error.details,
        ) from None
    whole: bytes = message.SerializeToString()
    return whole


def reworded(error: GatewayError, message: str) -> GatewayError:
    """The same error with another message."""
    return GatewayError(
        error.code,
        message,
        status=error.status,
        details=error.details,
        headers=error.headers,
        cause=error.cause,
    )


def parsed(method: Method, answer: bytes) -> Any:
    """A method's answer as a message. Raises GatewayError (INTERNAL) for bytes that are none."""
    kind = method.descriptor.output_type
    try:
        return GetMessageClass(kind).FromString(answer)
    except UNREADABLE as error:
        raise unreadable(kind, error) from None


def filled(method: Method, payload: bytes, answer: Any, copies: Copies) -> bytes:
    """A request with what it takes from an answer."""
    request = GetMessageClass(method.descriptor.input_type).FromString(payload)
    for source, target in copies:
        set_at(request, target, value_at(answer, source))
    whole: bytes = request.SerializeToString()
    return whole
