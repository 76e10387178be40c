"""Plans: JSON to a call to Cuebot, with look-ups before it and follow-ups after it.

The compatibility profile asks for look-ups and follow-ups where an API document promises more than
one call to Cuebot can do. All errors of a request are found here, before the first call.
"""

from collections.abc import Awaitable, Callable, Iterable
from functools import cached_property, partial
from typing import Any, NamedTuple, Protocol

from gateway.core.calls.ids import check_length, is_name
from gateway.core.calls.messages import as_json, read_message
from gateway.core.calls.short_names import (
    Sizes,
    belonging,
    sizes_in,
    spell_out_fields,
    with_condition,
)
from gateway.core.calls.steps import FollowUp, LookUp, Rereading, Rewrites, Steps, Unique
from gateway.core.codec.body import NotJson, parse
from gateway.core.codec.decode import decode_body
from gateway.core.codec.rewrite import Body, BodyPath
from gateway.core.codec.unknown_fields import UnknownField, UnknownFieldPolicy, UnknownFields
from gateway.core.errors import Code, GatewayError
from gateway.core.profile.draft import Draft
from gateway.core.schema.method import Aspect, FieldPath, Method

ALWAYS_QUICK_BYTES = 8 * 1024
MAX_QUICK_BYTES = 256 * 1024
"""Planned within some 5 ms, unless the body has many parts."""
MAX_QUICK_PARTS = 5000
"""Up to 1 µs each, and as much again where a body is planned a second time."""
PARTS = (b"{", b"[", b",", b"&", b"%")
"""What there is of for each part: objects, lists and values in JSON, parameters and escaped
characters in forms."""


NOTHING, ARGUMENTS = UnknownFieldPolicy.NOTHING, UnknownFieldPolicy.ARGUMENTS
"""Looking up an enum's member calls a function before Python 3.12."""


class Plan(NamedTuple):
    method: Method
    payload: bytes
    """The request for `method`, without the results of look-ups."""
    ignored: tuple[str, ...] = ()
    """Paths of the first fields that neither Cuebot nor the profile knows."""
    defaulted: tuple[str, ...] = ()
    most_rows: int | None = None
    """The number of rows that the request asks for, where Cuebot has no such field."""
    look_ups: "tuple[Prior, ...]" = ()
    """Look-ups for one list are in the list's order."""
    follow_ups: tuple[tuple[FollowUp, bytes], ...] = ()
    """Each with its request, without values copied from the answer."""
    kept: tuple[tuple[str, str], ...] = ()
    """Places in the body and their texts, which planners keep for what is done around the call."""
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


class NothingFound(NamedTuple):
    error: GatewayError
    asked: Plan | None
    """The look-up's plan, with what was found before it; None if nothing was."""


class Calls(Protocol):
    """Makes the calls of plans (`Invocation`)."""

    def answer(self, plan: Plan) -> Awaitable[bytes]:
        """The answer to a plan, after its look-ups. Raises GatewayError."""

    def value_of(
        self, asked: Plan, take: FieldPath, nothing: Callable[[Plan], str], place: str, start: str
    ) -> Awaitable[object]:
        """The value at `take` in a look-up's answer, for a `place` in a request. `NothingFound`
        without one, with what `nothing` says of the plan.

        Messages of what is missing `start` with the place, unless it is the only one for a name.
        Raises GatewayError for all else that fails.
        """

    def note_resolved(self, resolved: str) -> None:
        """Tell the client what has been found in another way than usual."""


class Search(Protocol):
    """A look-up that a planner makes of a body."""

    @property
    def method(self) -> Method:
        """Of the look-up's call."""

    async def run(self, calls: Calls, method: Method, request: Any, prior: "Prior") -> Found:
        """Set what is found in the request of the method. Raises GatewayError."""


Step = LookUp | Unique | Search


class Prior(NamedTuple):
    """A call before the call."""

    step: Step
    plan: Plan
    item: int | None = None
    """The number of the item that it is for, if it is for one of a list."""


class Planner(Protocol):
    """What is compiled for a method to take from bodies what is not for Cuebot's call."""

    @property
    def documented(self) -> tuple[str, ...]:
        """Paths, in both spellings, of arguments that it takes and Cuebot has no fields for."""

    @property
    def objects(self) -> frozenset[str]:
        """Paths, in both spellings, of objects for which a text will do."""

    @property
    def searches(self) -> tuple[Search, ...]:
        """All look-ups that it may make, in an order that is always the same."""

    def concerns(self, value: object) -> bool:
        """Whether a parsed body has anything for it. Nearly none has, and all pay for this."""

    def kept(self, value: object) -> Iterable[tuple[str, str]]:
        """See `Plan.kept`."""

    def take(self, body: Body) -> Iterable[Prior]:
        """Take out what is not for Cuebot's call. Raises GatewayError (INVALID_ARGUMENT)."""


class Planners(tuple[Planner, ...], Aspect):
    """A method's planners, in the order in which they take from bodies."""

    @cached_property
    def documented(self) -> tuple[str, ...]:
        return tuple(path for each in self for path in each.documented)

    @cached_property
    def objects(self) -> frozenset[str]:
        return frozenset().union(*(each.objects for each in self))

    @cached_property
    def searches(self) -> tuple[Search, ...]:
        return tuple(search for each in self for search in each.searches)

    def kept(self, value: object) -> tuple[tuple[str, str], ...]:
        found: list[tuple[str, str]] = []
        for each in self:
            found += each.kept(value)
        return tuple(found)


NO_PLANNERS = Planners()


def add_planner(draft: Draft, name: str, planner: Planner) -> None:
    """One more planner of a method, after those that it has."""
    draft.add(name, Planners((*draft.aspects[name].get(Planners, NO_PLANNERS), planner)))


def steps_of(method: Method) -> tuple[Step, ...]:
    """All look-ups that a request of the method may need, in an order that is always the same."""
    return (*Steps.of(method).before, *Planners.of(method).searches)


def holds_the_loop(body: bytes) -> bool:
    """Whether planning this body would block the event loop for too long."""
    size = len(body)
    if size <= ALWAYS_QUICK_BYTES:
        return False
    return size > MAX_QUICK_BYTES or sum(map(body.count, PARTS)) > MAX_QUICK_PARTS


AsJson = Callable[[Method, bytes, str], bytes | None]
"""The JSON of a body that is none for this problem; None if there is no other way to read it.

Raises GatewayError (INVALID_ARGUMENT).
"""


def only_json(method: Method, content: bytes, problem: str) -> None:
    """`AsJson` where bodies have no other form."""


def plan(
    method: Method, content: bytes, policy: UnknownFieldPolicy, as_json: AsJson = only_json
) -> Plan:
    """The plan for a JSON body, which is parsed again only if it can be read in another way.

    Raises GatewayError (INVALID_ARGUMENT).
    """
    try:
        value = parse(content)
    except NotJson as error:
        other = as_json(method, content, error.message)
        if other is None:
            raise
        content, value = other, parse(other)
    # Before planning takes it apart.
    sizes = sizes_in(method, value) if Sizes in method.aspects else {}
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
    planners: Planners = method.aspects.get(Planners, NO_PLANNERS)
    is_plain = Rewrites not in method.aspects and Steps not in method.aspects
    for each in planners:
        is_plain = is_plain and not each.concerns(value)
    # What is not ignored: fields by their paths.
    strict = ARGUMENTS if policy is NOTHING else policy
    try:
        if is_plain:  # as most are
            return Plan(method, *method.decode_value(value, strict, planners.documented))
        return plan_with(method, planners, value, strict)
    except UnknownFields as error:
        spelled_out = None
        if policy is NOTHING or next(belonging(method, error.fields), None) is not None:
            spelled_out = plan_spelled_out(method, again(), policy, error.fields)
        if spelled_out is None:
            raise with_condition(error, method) from None
        return spelled_out


def plan_with(
    method: Method, planners: Planners, value: object, policy: UnknownFieldPolicy
) -> Plan:
    """The plan for a value of which the profile may have something to say. Raises GatewayError."""
    body = Body(value)
    body.rewrite(Rewrites.of(method))
    if Steps in method.aspects or any(each.concerns(value) for each in planners):
        kept = planners.kept(value)
        planned = plan_body(method, body, policy)
        return planned._replace(kept=kept) if kept else planned
    body.documented += planners.documented
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
    body.rewrite(Rewrites.of(method))
    kept = Planners.of(method).kept(value)
    try:
        return plan_body(method, body, policy)._replace(kept=kept)
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
    return not any(kind in method.aspects for kind in (Rewrites, Steps, Planners))


def plan_body(method: Method, body: Body, policy: UnknownFieldPolicy) -> Plan:
    """Values for other calls are removed from the body."""
    look_ups: list[Prior] = []
    steps = Steps.of(method)
    for look_up in steps.before:
        given = value_to_look_up(body, look_up)
        if given is None:
            continue
        check_length(str(look_up.given), given)
        asked = request_for(look_up.method, look_up.send, given, look_up.given)
        look_ups.append(Prior(look_up, asked))
        if isinstance(look_up, LookUp):
            if look_up.documented:
                body.take(look_up.given)
            body.drop(look_up.put)  # a documented object in place of Cuebot's field
    try:
        for planner in Planners.of(method):
            look_ups += planner.take(body)
    except GatewayError:
        # A misspelled field is a better message than a missing one.
        decode_body(method.decode_value, body, policy)
        raise
    follow_ups = tuple(
        (follow_up, request_for(follow_up.method, follow_up.send, given, follow_up.given).payload)
        for follow_up in steps.after
        if (given := body.take(follow_up.given)) is not None
    )
    braces = [body.peek(each.place) == {} for each in steps.needed]
    request = decode_body(method.decode_value, body, policy)
    for needed, is_braces in zip(steps.needed, braces, strict=True):
        if not needed.is_in(method.parse_request(request[0]), is_braces=is_braces):
            raise GatewayError(Code.INVALID_ARGUMENT, needed.says)
    return Plan(method, *request, look_ups=tuple(look_ups), follow_ups=follow_ups)


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
