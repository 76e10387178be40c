"""Interceptors: what crosses all requests, in one list that the assembly makes.

Each is one object, with a method for every moment of a request at which it does something, from
`open` to `end`. At each moment the interceptors have their turn in the order of the list; around a
call to Cuebot, the first of them is outermost. A new one is its module, its line in the list and
its setting.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from gateway.calls.caller import Named
from gateway.calls.invoke import Call
from gateway.calls.plan import Plan
from gateway.errors import GatewayError
from gateway.http.context import RequestContext
from gateway.schema.catalog import Catalog
from gateway.schema.method import Method

ReadDenied = Callable[[], Awaitable[None]]
"""Reads into `CallState.denied` what Cuebot would have got, as far as that is short and soon here.
Does not raise."""
Authorize = Callable[[RequestContext, Catalog, Method, bytes | None, str], None]


class Interceptor:
    """Something that crosses all requests.

    A moment that a class does not define costs a request nothing. All moments but `open` and `end`
    may refuse the request by raising GatewayError.
    """

    def open(self, context: RequestContext) -> None:
        """The head has come (`Traces`). Must not raise."""

    def identify(self, context: RequestContext) -> None:
        """Find out who is calling (`Authentication`): when the head has come, and again whenever
        the request has waited. A refusal is left in `context.refusal`, not raised, so that a
        request without a valid token still counts against a limit.
        """

    async def admit(self, context: RequestContext) -> None:
        """Decide whether the request may go on, or wait until it may (`RateLimits`)."""

    def authorize(
        self,
        context: RequestContext,
        catalog: Catalog,
        method: Method,
        payload: bytes | None,
        asked_by: str,
    ) -> None:
        """Decide whether the caller may call a method (`AccessControl`), as `Interceptors` asks."""

    def enter(self, context: RequestContext) -> None:
        """The body has been read: take what the call needs, into `context.call` (`Admission`)."""

    def prepare(self, context: RequestContext, plan: Plan, named: Named | None) -> Plan:
        """The calls to Cuebot are known: return those to make (`Identity`).

        `named` is the plan as its caller's, where another process has made that.
        """
        return plan

    def around(self, context: RequestContext, call: Call) -> Call:
        """Return `call` with what is done before, after or instead of it (`AuditLog`).

        It stands around each call to Cuebot, look-ups and follow-ups included, and is cancelled
        when the client goes.
        """
        return call

    async def deny(self, context: RequestContext, error: GatewayError, read: ReadDenied) -> None:
        """A call has been denied with this error, and the client is told so next (`AuditLog`)."""

    def end(self, context: RequestContext) -> None:
        """The request is over (`AccessLog`, `RequestCounters`). Must not raise."""


class Interceptors:
    """The interceptors of an app, by moment."""

    def __init__(self, interceptors: Iterable[Interceptor] = ()) -> None:
        self._open: list[Callable[[RequestContext], None]] = []
        self._identify: list[Callable[[RequestContext], None]] = []
        self._admit: list[Callable[[RequestContext], Awaitable[None]]] = []
        self._authorize: list[Authorize] = []
        self._enter: list[Callable[[RequestContext], None]] = []
        self._prepare: list[Callable[[RequestContext, Plan, Named | None], Plan]] = []
        self._around: list[Callable[[RequestContext, Call], Call]] = []
        self._deny: list[Callable[[RequestContext, GatewayError, ReadDenied], Awaitable[None]]] = []
        self._end: list[Callable[[RequestContext], None]] = []
        self._moments: Mapping[str, list[Any]] = {
            "open": self._open,
            "identify": self._identify,
            "admit": self._admit,
            "authorize": self._authorize,
            "enter": self._enter,
            "prepare": self._prepare,
            "around": self._around,
            "deny": self._deny,
            "end": self._end,
        }
        for each in interceptors:
            self.append(each)

    def append(self, interceptor: Interceptor) -> None:
        """Add an interceptor behind the others, before requests are served."""
        for name, turns in self._moments.items():
            if getattr(type(interceptor), name) is not getattr(Interceptor, name):
                turns.append(getattr(interceptor, name))

    def open(self, context: RequestContext) -> None:
        """Begin a request whose head has come."""
        for open_ in self._open:
            open_(context)

    async def admit(self, context: RequestContext) -> None:
        """Identify the caller, and let the request pass within its limits. Raises GatewayError."""
        for identify in self._identify:
            identify(context)
        for admit in self._admit:
            await admit(context)
        if context.refusal is not None:
            raise context.refusal

    def identify_again(self, context: RequestContext) -> None:
        """Identify the caller of a request that has waited: the token may have been revoked since.

        Raises GatewayError.
        """
        for identify in self._identify:
            identify(context)
        if context.refusal is not None:
            raise context.refusal

    def authorize(
        self,
        context: RequestContext,
        catalog: Catalog,
        method: Method,
        payload: bytes | None = None,
        asked_by: str = "",
    ) -> None:
        """Raise GatewayError (PERMISSION_DENIED) if the caller must not call the method.

        `payload` is the request for Cuebot, once that is known, and `asked_by` the field of the
        client's request that asks for the call, if it is a follow-up.
        """
        for authorize in self._authorize:
            authorize(context, catalog, method, payload, asked_by)

    def enter(self, context: RequestContext) -> None:
        """Take what a call needs. It is given back with the request. Raises GatewayError."""
        for enter in self._enter:
            enter(context)

    def prepare(self, context: RequestContext, plan: Plan, named: Named | None) -> Plan:
        """The calls to make of those that a request asks for. Raises GatewayError."""
        for prepare in self._prepare:
            plan = prepare(context, plan, named)
        return plan

    def around(self, context: RequestContext, call: Call) -> Call:
        """`call` with all that stands around it."""
        for around in reversed(self._around):
            call = around(context, call)
        return call

    @property
    def has_around(self) -> bool:
        """Whether anything stands around calls."""
        return bool(self._around)

    async def deny(self, context: RequestContext, error: GatewayError, read: ReadDenied) -> None:
        """A call has been denied with this error."""
        for deny in self._deny:
            await deny(context, error, read)

    def end(self, context: RequestContext) -> None:
        """End a request: it gives back what it has, and the interceptors are told."""
        context.close()
        for end in self._end:
            end(context)
