"""Making the calls of a plan, with one deadline for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

from google.protobuf.message_factory import GetMessageClass

from gateway.calls.failures import error_for
from gateway.calls.plan import Plan
from gateway.codec.encode import UNREADABLE, unreadable
from gateway.errors import Code, GatewayError
from gateway.hints import SHOWN
from gateway.long_work import STEP, let_others_run
from gateway.schema.method import Copies, Finder, LookUp, Method, Reference, Unique
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


class Call(Protocol):
    """Sends a request to Cuebot and returns the answer, or raises GatewayError."""

    def __call__(
        self, method: Method, payload: bytes, found: Sequence[Found] = ()
    ) -> Awaitable[bytes]:
        """`found` is what of the request comes from look-ups."""


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
) -> bytes:
    """Cuebot's answer to a plan. All of its calls together may take `timeout` seconds.

    `expects` is told of large answers before they are received, and each call is made as `around`
    has it.

    Raises GatewayError: as `error_for` says for a call that has failed; for a look-up that fails,
    (NOT_FOUND) finds nothing or (ALREADY_EXISTS) what the call would make, when the call itself is
    not made; and for a follow-up that fails, with what has happened before it. Cancelling the
    caller's task cancels the call under way.
    """
    if not (plan.look_ups or plan.follow_ups or around):
        try:
            return await upstream.call(plan.method.path, plan.payload, timeout, metadata, expects)
        except CallFailed as failed:
            raise error_for(failed) from None
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout

    async def call(method: Method, payload: bytes, found: Sequence[Found] = ()) -> bytes:
        left = max(deadline - loop.time(), 0)
        try:
            return await upstream.call(method.path, payload, left, metadata, expects)
        except CallFailed as failed:
            raise error_for(failed) from None

    return await invoke_steps(plan, around(call) if around else call)


async def invoke_steps(plan: Plan, call: Call) -> bytes:
    """Look up, call, follow up."""
    payload, known = plan.payload, list[Found]()
    if plan.look_ups:
        request = GetMessageClass(plan.method.descriptor.input_type).FromString(payload)
        missing: dict[Reference, Iterator[tuple[str, Any] | None]] = {}
        for look_up, asked in plan.look_ups:
            if isinstance(look_up, Unique):
                await check_absent(look_up, asked.payload, call)
            elif isinstance(look_up, LookUp):
                found = await look(str(look_up.given), look_up, asked, call)
                set_at(request, look_up.put.original, found)
                known.append(Found(str(look_up.given), found, look_up.method, asked.payload))
            else:
                assert look_up.finder is not None
                if look_up not in missing:
                    missing[look_up] = without_id(request, look_up)
                while (found := next(missing[look_up])) is None:
                    await let_others_run()
                place, thing = found
                thing.id = await look(place, look_up.finder, asked, call)
                known.append(Found(place, thing.id, look_up.finder.method, asked.payload))
        payload = request.SerializeToString()
    answer = await call(plan.method, payload, known)
    return await follow(plan, answer, call) if plan.follow_ups else answer


def without_id(request: Any, reference: Reference) -> Iterator[tuple[str, Any] | None]:
    """Place and object, for each in a message that has no id; its plan has them in this order.

    None stands for a step that is over: a list may be long.
    """
    found = value_at(request, reference.place.original)
    if not reference.listed:
        yield str(reference.place), found
        return
    for number, item in enumerate(found):
        if not item.id:
            yield f"{reference.place}[{number}]", item
        elif STEP.is_over():
            yield None


async def look(place: str, by: LookUp | Finder, asked: Plan, call: Call) -> object:
    """What a look-up finds for the field at `place`. Raises GatewayError that names both."""
    path = by.method.path
    try:
        answer = parsed(by.method, await invoke_steps(asked, call))
    except GatewayError as error:
        if error.code is Code.NOT_FOUND:
            message = f"{nothing_found(by, asked)}: {error.message}"
            raise reworded(error, f"{place}: {message}") from None
        if by.nothing and error.message.startswith(by.nothing):
            raise GatewayError(Code.NOT_FOUND, f"{place}: {nothing_found(by, asked)}") from None
        raise reworded(
            error, f"{place}: {path} failed: {error.message or error.code.name}"
        ) from None
    found: object = value_at(answer, by.take)
    if not found:
        raise GatewayError(Code.NOT_FOUND, f"{place}: {nothing_found(by, asked)}")
    return found


def nothing_found(by: LookUp | Finder, asked: Plan) -> str:
    """`/job.JobInterface/FindJob found nothing for name 'x' (it finds pending jobs only)`."""
    request = GetMessageClass(by.method.descriptor.input_type).FromString(asked.payload)
    sought = ", ".join(f"{at} {value_at(request, at.original)!r:.{SHOWN}}" for at in by.asks)
    only = f" (it finds {by.only} only)" if by.only else ""
    return f"{by.method.path} found nothing for {sought}{only}"


async def check_absent(unique: Unique, request: bytes, call: Call) -> None:
    """Raises GatewayError if there is something of that name, or if that cannot be told.

    Something that is found by another name than its own, such as an alias, does not count.
    """
    place, path = str(unique.given), unique.method.path
    try:
        answer = parsed(unique.method, await call(unique.method, request))
    except GatewayError as error:
        nothing = unique.nothing and error.message.startswith(unique.nothing)
        if nothing or error.code is Code.NOT_FOUND:
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


def value_at(message: Any, path: tuple[str, ...]) -> Any:
    """What a message has at a path of original names."""
    for name in path:
        message = getattr(message, name)
    return message


def set_at(message: Any, path: tuple[str, ...], content: object) -> None:
    """Set a single field at a path of original names."""
    setattr(value_at(message, path[:-1]), path[-1], content)
