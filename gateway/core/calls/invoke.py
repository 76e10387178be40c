"""Makes the calls of a plan, within one deadline."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from time import monotonic
from typing import Any, Protocol

from google.protobuf.message_factory import GetMessageClass

from gateway.core.calls.failures import (
    Ambiguous,
    Wording,
    error_for,
)
from gateway.core.calls.instead import Instead
from gateway.core.calls.plan import Found, LookedUp, NothingFound, Plan
from gateway.core.calls.steps import LookUp, Unique
from gateway.core.codec.encode import UNREADABLE, unreadable
from gateway.core.codec.rewrite import BodyPath
from gateway.core.errors import Code, GatewayError
from gateway.core.schema.method import (
    Copies,
    FieldPath,
    Method,
    set_at,
    value_at,
)
from gateway.core.suggestions import QUOTED_CHARS
from gateway.core.upstream.interface import (
    CallFailed,
    Expects,
    Metadata,
    Upstream,
    UpstreamCall,
    takes_all,
)


class Call(Protocol):
    """Sends a request to Cuebot, and returns the answer or raises GatewayError."""

    def __call__(
        self, method: Method, payload: bytes, found: Sequence[Found] = ()
    ) -> Awaitable[bytes]:
        """`found` are the parts of the request that come from look-ups."""


Around = Callable[[Call], Call]


def calls_within(
    timeout: float, upstream: Upstream, metadata: Metadata, expects: Expects = takes_all
) -> Call:
    """Calls to Cuebot that have `timeout` seconds together, from now on."""
    deadline = monotonic() + timeout

    async def call(method: Method, payload: bytes, found: Sequence[Found] = ()) -> bytes:
        left = max(deadline - monotonic(), 0)
        try:
            return await upstream.call(UpstreamCall(method.path, payload, left, metadata, expects))
        except CallFailed as failed:
            raise error_for(failed, method, payload) from None

    return call


async def rehearse(plan: Plan, call: Call, around: Around) -> None:
    """Do all that comes before the call of a plan, without changing anything.

    Raises GatewayError as `Invocation.answer` would by then.
    """

    async def read(method: Method, payload: bytes, found: Sequence[Found] = ()) -> bytes:
        return await call(method, payload, found) if method.reads_only else b""

    made = around(read)
    invocation = Invocation(made)
    payload, found = await invocation.look_up(plan)
    if plan.method.reads_only:
        await invocation.answer_of(plan.method, payload, found)
    else:
        await made(plan.method, payload, found)


class Invocation:
    """The calls of a plan, and of the plans within it."""

    def __init__(self, call: Call, resolved: list[str] | None = None) -> None:
        """Names that only a list could resolve are added to `resolved`."""
        self._call = call
        self._resolved = [] if resolved is None else resolved

    async def answer(self, plan: Plan) -> bytes:
        """Cuebot's answer to a plan.

        Raises GatewayError: that of `error_for` for a failed call. If a look-up fails, finds
        nothing (NOT_FOUND), or finds what the call would create (ALREADY_EXISTS), the call is not
        made. An error of a follow-up says what has been done before it. Cancelling the task cancels
        the current call.
        """
        payload, found = await self.look_up(plan)
        answer = await self._own_answer(plan, payload, found)
        return await self._follow(plan, answer) if plan.follow_ups else answer

    async def look_up(self, plan: Plan) -> LookedUp:
        if plan.looked_up is not None:
            return plan.looked_up
        if not plan.look_ups:
            return LookedUp(plan.payload, ())
        known: list[Found] = []
        request = plan.method.parse_request(plan.payload)
        for prior in plan.look_ups:
            step, asked = prior.step, prior.plan
            if isinstance(step, Unique):
                await self._check_absent(step, asked.payload)
            elif isinstance(step, LookUp):
                known.append(await self._find(step, request, asked))
            else:
                known.append(await step.run(self, plan.method, request, prior))
        return LookedUp(request.SerializeToString(), tuple(known))

    async def _own_answer(self, plan: Plan, payload: bytes, found: Sequence[Found]) -> bytes:
        """Names are not unique: another object's answer is NOT_FOUND."""
        answer = await self.answer_of(plan.method, payload, found)
        for step, value in values_before(plan):
            if step.same and value_at(parsed(plan.method, answer), step.same) != value:
                problem = f"what was found is not of {value!r:.{QUOTED_CHARS}}"
                raise GatewayError(
                    Code.NOT_FOUND, f"{step.given}: {problem}, but of another of that name"
                )
        return answer

    async def answer_of(self, method: Method, payload: bytes, found: Sequence[Found]) -> bytes:
        """The answer to the call itself, or to its substitutes."""
        instead: Instead | None = method.aspects.get(Instead)
        if instead is not None and not instead.is_native:
            return await instead.answer(self, method, payload, None)
        try:
            return await self._call(method, payload, found)
        except Ambiguous as error:
            tell_apart = Wording.of(method).tell_apart
            if tell_apart is None:
                raise
            raise await tell_apart(error, self, method, payload) from None
        except GatewayError as error:
            if instead is None or error.code is not Code.NOT_FOUND:
                raise
            absent = error.again()
        return await instead.answer(self, method, payload, absent)

    async def _find(self, look_up: LookUp, request: Any, asked: Plan) -> Found:
        place = str(look_up.given)

        def nothing(asked: Plan) -> str:
            return f"nothing is found for {sought_at(asked, look_up.send)}"

        found = await self.value_of(asked, look_up.take, nothing, place, f"{place}: ")
        if isinstance(found, NothingFound):
            raise found.error.again()
        set_at(request, look_up.put.original, found)
        return Found(place, found, look_up.method, asked.payload)

    async def value_of(
        self, asked: Plan, take: FieldPath, nothing: Callable[[Plan], str], place: str, start: str
    ) -> object:
        """See `Calls`."""
        payload = None
        try:
            payload, known = await self.look_up(asked)
            asked = asked._replace(payload=payload)
            answer = parsed(asked.method, await self._own_answer(asked, payload, known))
            found: object = value_at(answer, take)
            if found:
                return found
            absent = GatewayError(Code.NOT_FOUND, f"{start}{nothing(asked)}")
        except Ambiguous as error:
            raise reworded(error, f"{start}{error.message}") from None
        except GatewayError as error:
            if error.code is not Code.NOT_FOUND:
                raise look_up_failed(error, place) from None
            message = error.message
            if payload is not None and error.sought is None:  # else it says what is missing
                message = nothing(asked)
            absent = reworded(error, f"{start}{message}", start, looked_up=True)
            absent.cuebot = error.cuebot or ("" if error.message == message else error.message)
        return NothingFound(absent, None if payload is None else asked)

    def note_resolved(self, resolved: str) -> None:
        self._resolved.append(resolved)

    async def _check_absent(self, unique: Unique, request: bytes) -> None:
        """An object found by an alias does not count."""
        place = str(unique.given)
        try:
            answer = parsed(unique.method, await self._call(unique.method, request))
        except GatewayError as error:
            if error.code is Code.NOT_FOUND:
                return
            raise look_up_failed(error, place) from None
        name = value_at(unique.method.parse_request(request), unique.send.original)
        if value_at(answer, unique.found) == name:
            raise GatewayError(Code.ALREADY_EXISTS, f"{place}: {name!r} exists already")

    async def _follow(self, plan: Plan, answer: bytes) -> bytes:
        step, done = plan.method, []
        try:
            message = parsed(step, answer)
            done.append(step.descriptor.name)
            for follow_up, payload in plan.follow_ups:
                step = follow_up.method
                await self._call(step, filled(step, payload, message, follow_up.copies))
                done.append(step.descriptor.name)
            for reading in plan.rereadings:
                step = reading.method
                request = filled(step, b"", message, reading.copies)
                now = parsed(step, await self._call(step, request))
                value_at(message, reading.take).CopyFrom(value_at(now, reading.take))
        except GatewayError as error:
            if not done:
                said = f"{step.descriptor.name} was called, but: {error.message}"
                raise reworded(error, said) from None
            happened = f"{', '.join(done)} succeeded, then {step.descriptor.name} failed"
            # Without Retry-After: a retry would repeat the earlier calls as well.
            whole_story = GatewayError(
                error.code,
                f"{happened}: {error.message or error.code.name}",
                status=error.status,
                cuebot=error.cuebot,
                details=error.details,
            )
            raise whole_story.again() from None
        whole: bytes = message.SerializeToString()
        return whole


def look_up_failed(error: GatewayError, place: str) -> GatewayError:
    said = error.message or error.code.name
    if error.code is Code.INVALID_ARGUMENT:
        return reworded(error, f"{place}: {said}")
    return reworded(error, f"{place}: it could not be looked up: {said}")


def sought_at(asked: Plan, place: BodyPath) -> str:
    """The criterion at a path, and its origin: `job 'x' (job.id '…')`."""
    value = asked_at(asked, place)
    text = f"{str(place).removesuffix('.name') or place} {value!r:.{QUOTED_CHARS}}"
    for step, given in values_before(asked):
        if step.put == place != step.given:
            known_by = f"{step.given} {given!r:.{QUOTED_CHARS}}"
            return f"{text} ({known_by})" if value else known_by
    return text


def asked_at(asked: Plan, place: BodyPath) -> object:
    for step, value in values_before(asked):
        if step.given == place:
            return value
    return value_at(asked.method.parse_request(asked.payload), place.original)


def values_before(plan: Plan) -> Iterator[tuple[LookUp, object]]:
    """What the look-ups of a plan that are the profile's own have been asked for."""
    for step, before, _ in plan.look_ups:
        if isinstance(step, LookUp):
            yield step, asked_at(before, step.send)


def reworded(
    error: GatewayError, message: str, place: str = "", *, looked_up: bool = False
) -> GatewayError:
    """The same error in other words, and about a name that was looked up for a `place`."""
    found = GatewayError(
        error.code,
        message,
        status=error.status,
        cuebot=error.cuebot,
        details=error.details,
        headers=error.headers,
        cause=error.cause,
    )
    if error.sought is not None:
        found.sought = error.sought._replace(place=place, is_looked_up=looked_up)
    return found


def parsed(method: Method, answer: bytes) -> Any:
    """Raises GatewayError (INTERNAL) for invalid bytes."""
    kind = method.descriptor.output_type
    try:
        return GetMessageClass(kind).FromString(answer)
    except UNREADABLE as error:
        raise unreadable(kind, error) from None


def filled(method: Method, payload: bytes, answer: Any, copies: Copies) -> bytes:
    request = method.parse_request(payload)
    for source, target in copies:
        set_at(request, target, value_at(answer, source))
    whole: bytes = request.SerializeToString()
    return whole
