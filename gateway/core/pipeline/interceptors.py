"""Interceptors: the cross-cutting parts of a request, in one ordered list made by the assembly.

Each implements methods for the stages of a request, from `open` to `end`, called in list order;
around a call to Cuebot, the first interceptor is the outermost. A new interceptor needs a module,
an entry in the list and a setting.
"""

from collections.abc import Awaitable, Callable, Hashable, Iterable, Sequence
from time import monotonic
from typing import Any, ClassVar

from gateway.core.calls.explanations import Questions
from gateway.core.calls.invoke import Around, Call
from gateway.core.calls.plan import Plan
from gateway.core.errors import Cause, Code, GatewayError
from gateway.core.pipeline.context import RequestContext
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.method import Method

ReadDenied = Callable[[], Awaitable[None]]
"""Reads a short request that has arrived or soon will into `CallState.denied`. Does not raise."""
Authorize = Callable[[RequestContext, Catalog, Method, bytes | None, str], None]


class Interceptor:
    """A stage not overridden costs nothing. All but `open`, `refused` and `end` may raise
    GatewayError.
    """

    is_idle: bool = False
    """Whether it takes part in no stage for now. After a change: `Interceptors.compose`."""
    restricts: ClassVar[bool] = False
    """Whether `around` does what rules say (`Rights.is_restricted`): calls of others are not
    wrapped.
    """

    def apart(self) -> "Interceptor":
        """The interceptor for requests that must not depend on other machines: itself, or another
        one that decides by what this process knows.
        """
        return self

    def open(self, context: RequestContext) -> None:
        """The head has arrived, or as much of it as the server has read of a request that it has
        refused: then there is a status already. Must not raise.
        """

    def identify(self, context: RequestContext) -> None:
        """Identify the caller, after the head and again after each wait.

        A refusal goes into `context.response.refusal` instead of being raised, so that a request
        from nobody known still comes to `admit`, and counts there.
        """

    def admit(self, context: RequestContext) -> Awaitable[None] | None:
        """Let the request pass, raise, or return what it has to wait for."""

    def authorize(
        self,
        context: RequestContext,
        catalog: Catalog,
        method: Method,
        payload: bytes | None,
        asked_by: str,
    ) -> None:
        """Raise unless the caller may call the method. Called again after a wait.

        To be decided by the method alone: the request, if it is known, is for `deny`.
        """

    def enter(self, context: RequestContext) -> None:
        """Before the caller's rights are looked up, and before anything else is read: take the
        resources of the call. Called again if they were returned to wait for the body.
        """

    def around(self, context: RequestContext, call: Call) -> Call:
        """Wrap each call to Cuebot, look-ups and follow-ups included. A disconnect cancels it."""
        return call

    def depends_on_content(self, context: RequestContext, method: Method) -> bool:
        """Whether `around` depends on what requests for this method contain. Then no request of
        this context goes to Cuebot as the bytes that a client has sent.
        """
        return True

    def decides(self, context: RequestContext, method: Method) -> bool:
        """Whether `around` may refuse calls of this method for what they are about, or of what its
        answer shows: then a rehearsal has to go through it.
        """
        return False

    def part_seen(self, context: RequestContext, method: Method, catalog: Catalog) -> Hashable:
        """All beside Cuebot's answer that decides what `around` leaves of it: requests for which
        that is equal may share an answer. None if it leaves all.
        """
        return None

    def calling(self, context: RequestContext) -> None:
        """A call is about to be made, of which `CallState.metadata` may say more."""

    def called(self, context: RequestContext, began: float, ended: float, code: Code) -> None:
        """A call has ended, with its look-ups and follow-ups. Times are seconds on the monotonic
        clock. Must not raise.
        """

    async def explain(
        self, context: RequestContext, catalog: Catalog, error: GatewayError, ask: Questions
    ) -> GatewayError:
        """A call has failed: the error in words that tell more, or the error itself.

        Not called where answers are partial: time and calls would tell of what they lack. Must not
        raise.
        """
        return error

    async def explain_empty(
        self, context: RequestContext, plan: Plan, answer: bytes, ask: Questions
    ) -> None:
        """A very short answer to a request that may tell why it is empty (`Wording`). As `explain`,
        and not for an answer that is for others, too.
        """

    async def deny(self, context: RequestContext, error: GatewayError, read: ReadDenied) -> None:
        """A call was denied, and the client has not been answered yet."""

    def refused(self, cause: Cause) -> None:
        """Before `end`, of a request that was refused: why. Must not raise."""

    def end(self, context: RequestContext) -> None:
        """The request is over. Must not raise."""


def overrides(interceptor: Interceptor, stage: str) -> bool:
    """Whether it takes part in a stage."""
    return getattr(type(interceptor), stage) is not getattr(Interceptor, stage)


def taking_part(interceptors: Iterable[Interceptor], stage: str) -> tuple[Any, ...]:
    """The stage of each that takes part in it."""
    return tuple(getattr(each, stage) for each in interceptors if overrides(each, stage))


def in_turn(stages: Sequence[Callable[..., None]]) -> Callable[..., None]:
    """One function for all of them; of a single one, that function itself."""
    if len(stages) == 1:
        return stages[0]

    def all_of_them(*given: object) -> None:
        for stage in stages:
            stage(*given)

    return all_of_them


class CallStages:
    """The stages around calls to Cuebot, each with those that take part in it."""

    def __init__(self, interceptors: Sequence[Interceptor]) -> None:
        self.calling: Sequence[Callable[[RequestContext], None]]
        self.calling = taking_part(interceptors, "calling")
        self.called: Sequence[Callable[[RequestContext, float, float, Code], None]]
        self.called = taking_part(interceptors, "called")
        self._around = tuple(each for each in interceptors if overrides(each, "around"))
        self._around_all = tuple(each for each in self._around if not each.restricts)
        self._explain = taking_part(interceptors, "explain")
        self._explain_empty = taking_part(interceptors, "explain_empty")

    def around(self, context: RequestContext, innermost: Around | None = None) -> Around | None:
        """None if nothing wraps the calls of this request."""
        needed = self._wrapping(context)
        return composed(context, needed, innermost) if needed else innermost

    def rehearsal(self, context: RequestContext, method: Method) -> Around | None:
        """As `around`, but only what decides about calls of the method; None if nothing does."""
        needed = [each for each in self._around if each.decides(context, method)]
        return composed(context, needed) if needed else None

    def depend_on_content(self, context: RequestContext, method: Method) -> bool:
        return any(each.depends_on_content(context, method) for each in self._wrapping(context))

    def _wrapping(self, context: RequestContext) -> Sequence[Interceptor]:
        """Those that wrap the calls of this request."""
        caller = context.caller
        if caller is not None and caller.rights.is_restricted:
            return self._around
        return self._around_all

    def part_seen(self, context: RequestContext, method: Method, catalog: Catalog) -> Hashable:
        """What an answer may be shared by; None if all of it is seen."""
        parts = [each.part_seen(context, method, catalog) for each in self._around]
        return tuple(parts) if any(part is not None for part in parts) else None

    async def explain(
        self, context: RequestContext, catalog: Catalog, error: GatewayError, ask: Questions
    ) -> GatewayError:
        for explain in self._explain:
            error = await explain(context, catalog, error, ask)
        return error

    async def explain_empty(
        self, context: RequestContext, plan: Plan, answer: bytes, ask: Questions
    ) -> None:
        for explain in self._explain_empty:
            await explain(context, plan, answer, ask)


class Interceptors:
    """The stages of all interceptors, each with those that take part in it."""

    def __init__(self, interceptors: Iterable[Interceptor] = ()) -> None:
        self._all = [*interceptors]
        self.compose()

    def append(self, interceptor: Interceptor) -> None:
        self._all.append(interceptor)
        self.compose()

    def compose(self) -> None:
        """Put the stages together, with those that take part in them now."""
        listed = [each for each in self._all if not each.is_idle]
        self.calls = CallStages(listed)
        """Replaced each time: not to be kept."""
        self.open: Callable[[RequestContext], None] = in_turn(taking_part(listed, "open"))
        self.authorize: Authorize = in_turn(taking_part(listed, "authorize"))
        """As `Interceptor.authorize`. The payload, if it is known, is for `deny`;
        `asked_by` is the field of the client's request that asks for a follow-up.
        """
        self.enter: Callable[[RequestContext], None] = in_turn(taking_part(listed, "enter"))
        """Takes a call's resources; the request returns them. Raises GatewayError."""
        self._identify: Callable[[RequestContext], None]
        self._identify = in_turn(taking_part(listed, "identify"))
        self._admit: Sequence[Callable[[RequestContext], Awaitable[None] | None]]
        self._admit = taking_part(listed, "admit")
        self._deny = taking_part(listed, "deny")
        self._refused: Callable[[Cause], None] = in_turn(taking_part(listed, "refused"))
        self._end: Sequence[Callable[[RequestContext], None]] = taking_part(listed, "end")

    def admit(self, context: RequestContext) -> Awaitable[None] | None:
        """Identify the caller and apply the limits.

        Returns what remains to be awaited, which most requests are spared. Raises GatewayError.
        """
        self._identify(context)
        context.principal = context.subject or context.principal
        for position, admit in enumerate(self._admit):
            waiting = admit(context)
            if waiting is not None:
                return self._admit_after(waiting, context, self._admit[position + 1 :])
        if context.response.refusal is not None:
            raise context.response.refusal.again()
        return None

    async def _admit_after(
        self,
        waiting: Awaitable[None],
        context: RequestContext,
        others: Iterable[Callable[[RequestContext], Awaitable[None] | None]],
    ) -> None:
        began = monotonic()
        try:
            await waiting
            for admit in others:
                more = admit(context)
                if more is not None:
                    await more
        finally:
            context.note_wait(monotonic() - began)
        if context.response.refusal is not None:
            raise context.response.refusal.again()

    def identify_again(self, context: RequestContext) -> None:
        """Identify the caller after a wait, since tokens may be revoked. Raises GatewayError."""
        self._identify(context)
        context.principal = context.subject or context.principal
        if context.response.refusal is not None:
            raise context.response.refusal.again()

    async def deny(self, context: RequestContext, error: GatewayError, read: ReadDenied) -> None:
        for deny in self._deny:
            await deny(context, error, read)

    def end(self, context: RequestContext) -> None:
        call = context.call
        if call.slots or call.lease is not None or context.body.room is not None:
            context.close()
        cause = context.response.cause
        if cause is not None:
            self._refused(cause)
        for end in self._end:
            end(context)


def composed(
    context: RequestContext, interceptors: Sequence[Interceptor], innermost: Around | None = None
) -> Around:
    """The first interceptor is the outermost."""

    def around(call: Call) -> Call:
        if innermost is not None:
            call = innermost(call)
        for each in reversed(interceptors):
            call = each.around(context, call)
        return call

    return around
