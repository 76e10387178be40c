"""From a request's JSON to what will be called: the call, look-ups before it, follow-ups after it.

The compatibility profile asks for look-ups and follow-ups where a document promises what one call
to Cuebot cannot do. Whatever is wrong with a request is found here, before the first call is made.
"""

from typing import NamedTuple

from gateway.codec.decode import parse
from gateway.codec.rewrite import BodyPath, Json, peek, pull, put, rewrite
from gateway.codec.unknown import Reject
from gateway.errors import GatewayError
from gateway.schema.method import FollowUp, LookUp, Method, Rereading, Steps, Unique

ALWAYS_QUICK = 64 * 1024
LARGEST_QUICK = 256 * 1024
"""Bytes of a body that is planned in some 5 ms, unless it is full of small objects and lists."""
MOST_QUICK = 10_000
"""Objects and lists, of 0.5 µs each."""


class Plan(NamedTuple):
    """The calls that one request asks for."""

    method: Method
    payload: bytes
    """The request for `method`, without what the look-ups will find."""
    ignored: tuple[str, ...] = ()
    """The paths of the first fields that neither Cuebot nor the profile knows."""
    look_ups: tuple[tuple[LookUp | Unique, bytes], ...] = ()
    """Each with its request."""
    follow_ups: tuple[tuple[FollowUp, bytes], ...] = ()
    """Each with its request, without what it takes from the answer."""

    @property
    def rereadings(self) -> tuple[Rereading, ...]:
        """The calls that show, in the end, what the follow-ups have led to."""
        readings = (each.rereading for each, _ in self.follow_ups if each.rereading)
        return tuple(dict.fromkeys(readings))


def holds_the_loop(body: bytes) -> bool:
    """Whether making a plan for this body takes longer than the event loop may be held."""
    size = len(body)
    if size <= ALWAYS_QUICK:
        return False
    return size > LARGEST_QUICK or body.count(b"{") + body.count(b"[") > MOST_QUICK


def plan(method: Method, body: bytes, reject: Reject) -> Plan:
    """What a JSON body asks for. Raises GatewayError (INVALID_ARGUMENT) for one that is wrong."""
    if method.steps is None:
        decoded = method.decode(body, reject)
        return Plan(method, decoded.payload, decoded.ignored)
    return plan_steps(method, method.steps, body, reject)


def plan_steps(method: Method, steps: Steps, body: bytes, reject: Reject) -> Plan:
    """The same for a method that the profile has look-ups or follow-ups for."""
    value = parse(body)
    done = rewrite(value, method.rewrites)
    look_ups: list[tuple[LookUp | Unique, bytes]] = []
    for look_up in steps.before:
        given = value_to_look_up(value, look_up)
        if given is None:
            continue
        look_ups.append((look_up, request_for(look_up.method, look_up.send, given, look_up.given)))
        if isinstance(look_up, LookUp):
            if look_up.documented:
                pull(value, look_up.given)
            done.drop(value, look_up.put)  # the documented object in the place of Cuebot's field
    follow_ups = tuple(
        (follow_up, request_for(follow_up.method, follow_up.send, given, follow_up.given))
        for follow_up in steps.after
        if (given := pull(value, follow_up.given)) is not None
    )
    request = method.decoders.decode_rewritten(method.descriptor.input_type, value, done, reject)
    return Plan(method, request.payload, request.ignored, tuple(look_ups), follow_ups)


def value_to_look_up(value: object, look_up: LookUp | Unique) -> object:
    """What has to be looked up; None if nothing is given or Cuebot's own field is there."""
    given = peek(value, look_up.given)
    if isinstance(look_up, Unique):
        return given
    there = peek(value, look_up.put)
    inside = look_up.given.is_within(look_up.put) and isinstance(there, dict)
    return given if inside or not there else None


def request_for(method: Method, send: BodyPath, given: object, place: BodyPath) -> bytes:
    """A request with one field. Raises GatewayError that names where the client has it."""
    value: Json = {}
    put(value, send, given, place)
    try:
        return method.decoders.decode_value(
            method.descriptor.input_type, value, Reject.EVERYTHING
        ).payload
    except GatewayError as error:
        _, _, problem = error.message.partition(": ")
        raise GatewayError(error.code, f"{place}: {problem}") from None
