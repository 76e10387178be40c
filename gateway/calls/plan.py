"""A call with what surrounds it: look-ups before it, follow-ups after it.

The compatibility profile asks for them where a document promises what one call to Cuebot cannot
do. Everything that can be wrong with the request is found before the first call is made.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from google.protobuf.message_factory import GetMessageClass

from gateway.codec.decode import Decoded, parse
from gateway.codec.encode import UNREADABLE, unreadable
from gateway.codec.rewrite import Json, peek, pull, put, rewrite
from gateway.codec.unknown import Reject
from gateway.compat.fieldpath import Copies
from gateway.compat.resolve import FollowUp, LookUp, Rereading, Steps
from gateway.errors import Code, GatewayError
from gateway.schema.method import Method

Call = Callable[[Method, bytes], Awaitable[bytes]]
"""Sends a request to Cuebot and gives the answer, or raises GatewayError."""


@dataclass(frozen=True, slots=True)
class Course:
    """A request that is ready to go through its steps."""

    method: Method
    payload: bytes
    """The request itself, without what the look-ups find."""
    look_ups: tuple[tuple[LookUp, bytes], ...]
    follow_ups: tuple[tuple[FollowUp, bytes], ...]
    ignored: tuple[str, ...] = ()
    """The paths of fields that neither Cuebot nor the steps know."""

    @property
    def readings(self) -> tuple[Rereading, ...]:
        """What shows in the end what the follow-ups have led to."""
        readings = (each.rereading for each, _ in self.follow_ups if each.rereading)
        return tuple(dict.fromkeys(readings))


def prepare(method: Method, body: bytes, reject: Reject) -> Decoded | Course:
    """A request that is ready to be sent, or to go through its steps.

    Raises GatewayError (INVALID_ARGUMENT) for one that is wrong.
    """
    if method.steps is None:
        return method.decode(body, reject)
    return plan(method, method.steps, body, reject)


async def make_call(method: Method, ready: Decoded | Course, call: Call) -> bytes:
    """Cuebot's answer to a prepared request."""
    return await (call(method, ready.payload) if isinstance(ready, Decoded) else run(ready, call))


def plan(method: Method, steps: Steps, body: bytes, reject: Reject) -> Course:
    """What a request asks for. Raises GatewayError (INVALID_ARGUMENT) for one that is wrong."""
    value = parse(body)
    done = rewrite(value, method.rewrites)
    look_ups = []
    for look_up in steps.before:
        given = needed(value, look_up)
        if given is not None:
            asked = request_for(look_up.method, look_up.send, given, look_up.given)
            look_ups.append((look_up, asked))
            if look_up.documented:
                pull(value, look_up.given)
            done.drop(value, look_up.place)  # the documented object in the place of Cuebot's field
    follow_ups = tuple(
        (follow_up, request_for(follow_up.method, follow_up.send, given, follow_up.given))
        for follow_up in steps.after
        if (given := pull(value, follow_up.given)) is not None
    )
    request = method.decoders.decode_rewritten(method.descriptor.input_type, value, done, reject)
    return Course(method, request.payload, tuple(look_ups), follow_ups, request.ignored)


def needed(value: object, look_up: LookUp) -> object:
    """What has to be looked up; None if nothing is given or Cuebot's own field is there."""
    given = peek(value, look_up.given)
    there = peek(value, look_up.place)
    around = look_up.given[: len(look_up.place)] == look_up.place and isinstance(there, dict)
    return given if around or not there else None


def request_for(
    method: Method, send: tuple[str, ...], given: object, place: tuple[str, ...]
) -> bytes:
    """A request with one field. Raises GatewayError that names where the client has it."""
    value: Json = {}
    put(value, send, given, place)
    try:
        return method.decoders.decode_value(
            method.descriptor.input_type, value, Reject.EVERYTHING
        ).payload
    except GatewayError as error:
        _, _, problem = error.message.partition(": ")
        raise GatewayError(error.code, f"{'.'.join(place)}: {problem}") from None


async def run(course: Course, call: Call) -> bytes:
    """The answer to the request.

    Raises GatewayError: for a look-up that fails or (NOT_FOUND) finds nothing, when the call is
    not made, and for a follow-up that fails, with what has happened before.
    """
    payload = course.payload
    if course.look_ups:
        request = GetMessageClass(course.method.descriptor.input_type).FromString(payload)
        for look_up, asked in course.look_ups:
            set_at(request, look_up.put, await look(look_up, asked, call))
        payload = request.SerializeToString()
    answer = await call(course.method, payload)
    return await follow(course, answer, call) if course.follow_ups else answer


async def look(look_up: LookUp, asked: bytes, call: Call) -> object:
    """What a look-up finds."""
    place, path = ".".join(look_up.given), look_up.method.path
    try:
        answer = parsed(look_up.method, await call(look_up.method, asked))
    except GatewayError as error:
        what = "found nothing" if error.code is Code.NOT_FOUND else "failed"
        raise reworded(error, f"{place}: {path} {what}: {error.message}") from None
    found: object = value_at(answer, look_up.take)
    if not found:
        raise GatewayError(Code.NOT_FOUND, f"{place}: {path} found nothing")
    return found


async def follow(course: Course, answer: bytes, call: Call) -> bytes:
    """Do what has to follow a call, and give its answer as it then is."""
    step, done = course.method, []
    try:
        message = parsed(step, answer)
        done.append(step.path)
        for follow_up, payload in course.follow_ups:
            step = follow_up.method
            await call(step, filled(step, payload, message, follow_up.copies))
            done.append(step.path)
        for reading in course.readings:
            step = reading.method
            now = parsed(step, await call(step, filled(step, b"", message, reading.copies)))
            value_at(message, reading.take).CopyFrom(value_at(now, reading.take))
    except GatewayError as error:
        if not done:
            raise reworded(error, f"{step.path} was called, but: {error.message}") from None
        happened = f"{', '.join(done)} succeeded, then {step.path} failed"
        # Without what invites to repeat all of it.
        raise GatewayError(
            error.code,
            f"{happened}: {error.message}",
            status=error.status,
            details=error.details,
        ) from None
    whole: bytes = message.SerializeToString()
    return whole


def reworded(error: GatewayError, message: str) -> GatewayError:
    """The same error with another message."""
    return GatewayError(
        error.code, message, status=error.status, details=error.details, headers=error.headers
    )


def parsed(method: Method, answer: bytes) -> Any:
    """A method's answer. Raises GatewayError (INTERNAL) for bytes that are none."""
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
