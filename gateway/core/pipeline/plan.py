"""Plans: JSON to a call to Cuebot, with look-ups before it and follow-ups after it.

The compatibility profile asks for look-ups and follow-ups where an API document promises more than
one call to Cuebot can do. All errors of a request are found here, before the first call.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from gateway.core.codec.body import parse
from gateway.core.codec.decode import decode_body
from gateway.core.codec.rewrite import Body, BodyPath, as_written
from gateway.core.codec.unknown_fields import UnknownField, UnknownFieldPolicy, UnknownFields
from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.messages import as_json, read_message
from gateway.core.pipeline.noted import Noted, noted_in
from gateway.core.pipeline.short_names import belonging, sizes_in, spell_out_fields, with_condition
from gateway.core.schema.method import FollowUp, LookUp, Method, Rereading, Unique, value_at
from gateway.features.names.aspect import Listing, Names, Naming
from gateway.features.names.look_ups import (
    check_length,
    is_name,
    spell_out,
    take_search,
    without_id,
)

ALWAYS_QUICK_BYTES = 8 * 1024
MAX_QUICK_BYTES = 256 * 1024
"""Planned within some 5 ms, unless the body has many parts."""
MAX_QUICK_PARTS = 5000
"""Up to 1 µs each, and as much again where a body is planned a second time."""
PARTS = (b"{", b"[", b",", b"&", b"%")
"""What there is of for each part: objects, lists and values in JSON, parameters and escaped
characters in forms."""
MAX_REFERENCES = 100


class Plan(NamedTuple):
    method: Method
    payload: bytes
    """The request for `method`, without the results of look-ups."""
    ignored: tuple[str, ...] = ()
    """Paths of the first fields that neither Cuebot nor the profile knows."""
    defaulted: tuple[str, ...] = ()
    most_rows: int | None = None
    """The number of rows that the request asks for, where Cuebot has no such field."""
    look_ups: "tuple[tuple[Step, Plan], ...]" = ()
    """Each with its own plan. Look-ups for one list are in the list's order."""
    follow_ups: tuple[tuple[FollowUp, bytes], ...] = ()
    """Each with its request, without values copied from the answer."""
    noted: tuple[tuple[str, str], ...] = ()
    """The places of arguments that a feature asks for (`Noted`), and their texts."""
    looked_up: "LookedUp | None" = None
    """The results of the look-ups, if they have been made."""

    @property
    def sent(self) -> bytes:
        """The request with the results of look-ups, as far as they have been made."""
        return self.payload if self.looked_up is None else self.looked_up.payload

    @property
    def rereadings(self) -> tuple[Rereading, ...]:
        readings = (each.rereading for each, _ in self.follow_ups if each.rereading)
        return tuple(dict.fromkeys(readings))


Step = LookUp | Unique | Naming


class Found(NamedTuple):
    place: str
    value: object
    method: Method
    asked: bytes
    """The method and the request of the look-up."""


class LookedUp(NamedTuple):
    payload: bytes
    """The request for the plan's method, with the results."""
    found: tuple[Found, ...]


def holds_the_loop(body: bytes) -> bool:
    """Whether planning this body would block the event loop for too long."""
    size = len(body)
    if size <= ALWAYS_QUICK_BYTES:
        return False
    return size > MAX_QUICK_BYTES or sum(map(body.count, PARTS)) > MAX_QUICK_PARTS


def plan(method: Method, content: bytes, policy: UnknownFieldPolicy) -> Plan:
    """The plan for a JSON body, which is parsed again only if it can be read in another way.

    Raises GatewayError (INVALID_ARGUMENT).
    """
    value = parse(content)
    sizes = sizes_in(method, value)  # before planning takes it apart
    try:
        return plan_read(method, value, partial(parse, content), policy)
    except UnknownFields:
        raise
    except GatewayError:
        if not sizes:
            raise

    def parse_with_sizes() -> object:
        value: Any = parse(content)
        return value | sizes

    return plan_read(method, parse_with_sizes(), parse_with_sizes, policy)


def plan_read(
    method: Method, value: object, again: Callable[[], object], policy: UnknownFieldPolicy
) -> Plan:
    """Planning takes the value apart; `again` reads it once more. Raises GatewayError."""
    ignores = policy is UnknownFieldPolicy.NOTHING
    try:  # what is not ignored: fields by their paths
        return plan_value(method, value, UnknownFieldPolicy.ARGUMENTS if ignores else policy)
    except UnknownFields as error:
        spelled_out = None
        if ignores or next(belonging(method, error.fields), None) is not None:
            spelled_out = plan_spelled_out(method, again(), policy, error.fields)
        if spelled_out is None:
            raise with_condition(error, method) from None
        return spelled_out


def plan_value(method: Method, value: object, policy: UnknownFieldPolicy) -> Plan:
    body = None
    if method.rewrites:
        body = Body(value)
        body.rewrite(method.rewrites)
    if Noted.of(method):
        noted = tuple(noted_in(value, method))
        if noted:
            return plan_body(method, body or Body(value), policy)._replace(noted=noted)
    if method.steps is not None or not is_complete(value, method):
        return plan_body(method, body or Body(value), policy)
    if body is None:
        return Plan(method, *method.decode_value(value, policy, Names.of(method).besides))
    body.documented += Names.of(method).besides
    return Plan(method, *decode_body(method.decode_value, body, policy))


def plan_spelled_out(
    method: Method, value: object, policy: UnknownFieldPolicy, unknown: Iterable[UnknownField]
) -> Plan | None:
    """The plan after unknown fields have been moved to where they belong; None if there is no such
    place, and the policy ignores none. Raises GatewayError.
    """
    moved = spell_out_fields(method, value, unknown)
    if not moved and policy is not UnknownFieldPolicy.NOTHING:
        return None
    body = Body(value)
    body.rewrite(method.rewrites)
    noted = tuple(noted_in(value, method))
    try:
        return plan_body(method, body, policy)._replace(noted=noted)
    except UnknownFields as left:
        raise with_condition(left, method) from None


def plan_message(
    method: Method, message: bytes, policy: UnknownFieldPolicy, *, unread: bool = False
) -> Plan:
    """The plan for a protobuf message. Raises GatewayError (INVALID_ARGUMENT).

    If it may go `unread`, because nothing depends on its content, it goes as it is where the
    method's profile has nothing to do with it either. Otherwise it is planned as the JSON that
    says the same.
    """
    request, ignored = read_message(method, message, policy)
    if unread and takes_messages(method):
        return Plan(method, request.SerializeToString() if ignored else message, ignored)
    planned = plan(method, as_json(method, request), policy)
    return planned._replace(ignored=ignored + planned.ignored) if ignored else planned


def takes_messages(method: Method) -> bool:
    """Whether the profile leaves requests as they are: Cuebot takes what a client sends."""
    changed = (
        method.rewrites,
        method.steps,
        Names.of(method).references,
        Noted.of(method),
        method.identity,
    )
    return not any(changed)


def is_complete(value: object, method: Method) -> bool:
    """Nearly all requests are, and pay only for this check."""
    for reference in Names.of(method).references:
        for _ in without_id(value, reference):
            return False
    return True


def plan_body(method: Method, body: Body, policy: UnknownFieldPolicy) -> Plan:
    """Values for other calls are removed from the body."""
    look_ups: list[tuple[Step, Plan]] = []
    for look_up in method.steps.before if method.steps else ():
        given = value_to_look_up(body, look_up)
        if given is None:
            continue
        check_length(str(look_up.given), given)
        look_ups.append((look_up, request_for(look_up.method, look_up.send, given, look_up.given)))
        if isinstance(look_up, LookUp):
            if look_up.documented:
                body.take(look_up.given)
            body.drop(look_up.put)  # a documented object in place of Cuebot's field
    try:
        look_ups += take_references(body, method)
    except GatewayError:
        # A misspelled field is a better message than a missing one.
        decode_body(method.decode_value, body, policy)
        raise
    for argument in Noted.of(method):
        if not argument.native:
            body.take(argument.path)
    follow_ups = tuple(
        (follow_up, request_for(follow_up.method, follow_up.send, given, follow_up.given).payload)
        for follow_up in (method.steps.after if method.steps else ())
        if (given := body.take(follow_up.given)) is not None
    )
    needs = method.steps.needed if method.steps else ()
    braces = [body.peek(each.place) == {} for each in needs]
    request = decode_body(method.decode_value, body, policy)
    for needed, is_braces in zip(needs, braces, strict=True):
        if not needed.is_in(method.parse_request(request[0]), is_braces=is_braces):
            raise GatewayError(Code.INVALID_ARGUMENT, needed.says)
    return Plan(method, *request, look_ups=tuple(look_ups), follow_ups=follow_ups)


def take_references(body: Body, method: Method) -> Iterator[tuple[Step, Plan]]:
    """Look-ups for objects without an id. Their criteria are removed from the body."""
    spell_out(body, Names.of(method).references)
    body.documented += Names.of(method).besides
    used: list[BodyPath] = []
    count = 0
    for reference in Names.of(method).references:
        for place, thing in without_id(body.value, reference):
            count += 1
            if count > MAX_REFERENCES:
                problem = f"more than {MAX_REFERENCES} objects have no id; send ids, or fewer"
                raise GatewayError(Code.INVALID_ARGUMENT, f"{place}: {problem}")
            naming, asked, moved = take_search(reference, place, Body(thing), body, used)
            try:
                yield naming, plan_body(naming.method, asked, UnknownFieldPolicy.EVERYTHING)
            except GatewayError as error:
                raise GatewayError(error.code, as_written(error.message, moved)) from None
    for path in used:
        body.take(path)


def value_to_look_up(body: Body, look_up: LookUp | Unique) -> object:
    """None without a value or with Cuebot's own field set. Ids in the field are not names."""
    given = body.peek(look_up.given)
    if isinstance(look_up, Unique):
        return given
    if look_up.given == look_up.put:
        return given if is_name(given) else None
    there = body.peek(look_up.put)
    inside = look_up.given.is_within(look_up.put) and isinstance(there, dict)
    return given if inside or not there else None


def request_for(method: Method, send: BodyPath, given: object, place: BodyPath) -> Plan:
    body = Body({})
    body.put(send, given, place)
    try:
        return Plan(method, *decode_body(method.decode_value, body, UnknownFieldPolicy.EVERYTHING))
    except GatewayError as error:
        _, _, problem = error.message.partition(": ")
        raise GatewayError(error.code, f"{place}: {problem}") from None


def plan_of(method: Method, sent: Iterable[tuple[BodyPath, object]]) -> Plan:
    body = Body({})
    for target, content in sent:
        body.put(target, content, target)
    return plan_body(method, body, UnknownFieldPolicy.EVERYTHING)


def plan_of_listing(listing: Listing, asked: Any) -> Plan:
    """The list's call, for a look-up that found nothing."""
    sent: list[tuple[BodyPath, object]] = []
    for source, target, as_list in listing.copies:
        content = value_at(asked, source)
        sent.append((target, [content] if as_list else content))
    return plan_of(listing.method, [*sent, *listing.constants])
