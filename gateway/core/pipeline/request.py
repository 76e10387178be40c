"""An HTTP request's way to the calls that it asks for."""

import asyncio
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import NamedTuple

from starlette.types import Receive

from gateway.core.calls.answer_form import AnswerForm
from gateway.core.calls.body_forms import as_json
from gateway.core.calls.for_caller import Caller, ForCaller, PlanForCaller
from gateway.core.calls.messages import takes_long as message_takes_long
from gateway.core.calls.plan import Plan, holds_the_loop, plan, plan_message
from gateway.core.calls.query import NO_QUERY, Query
from gateway.core.calls.row_counts import ask_for_rows
from gateway.core.codec.unknown_fields import UNKNOWN_FIELD_POLICIES, UnknownFieldPolicy
from gateway.core.direct_connection import LARGE_BODY_BYTES
from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.errors import Code, GatewayError
from gateway.core.fair_quota import FairQuota, Weight
from gateway.core.offload.planner import Planner
from gateway.core.pipeline.body import BodyReader
from gateway.core.pipeline.content_coding import Codings
from gateway.core.pipeline.context import JSON_TYPE, ClientGone, Denial, RequestContext
from gateway.core.pipeline.disconnect import CancelOnDisconnect
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.pipeline.options import QueryReader
from gateway.core.pipeline.request_headers import (
    asked_timeout,
    check_headers,
    content_length,
    listed_paths,
)
from gateway.core.pipeline.routing import CHANGE_ALLOWS, READ_ALLOWS
from gateway.core.pipeline.surface import HeadRules
from gateway.core.schema.catalog import Catalog, no_schema, unknown_path
from gateway.core.schema.method import Method
from gateway.core.settings.model import Settings

LARGEST_BODIES_AT_ONCE = 16
"""Bodies of the maximum size that may be read and decoded at once."""
SHORT_BODY_WAIT_SECONDS = 1.0
"""A short body sent together with its head arrives within this time."""


class RequestHead(NamedTuple):
    catalog: Catalog
    method: Method
    timeout: float
    policy: UnknownFieldPolicy
    query: Query
    is_binary: bool = False
    is_plain: bool = False
    """Whether the body is JSON, and quick to plan where it is short."""


class CallRequest(NamedTuple):
    plan: Plan
    timeout: float
    catalog: Catalog
    form: AnswerForm | None = None
    cut_at: int = 0
    """With this many rows, the answer may be incomplete."""
    asked: object | None = None
    """What an exchange has read of the options, by which it knows that it is asked for."""

    @property
    def content_type(self) -> tuple[bytes, bytes]:
        return JSON_TYPE if self.form is None else self.form.content_type


class RequestReader:
    """`shown` is what errors tell of pages, and `queries` knows the options."""

    def __init__(
        self,
        settings: Settings,
        live: LiveCatalog,
        *,
        shown: str,
        planner: Planner,
        interceptors: Interceptors,
        queries: QueryReader,
        weight: Weight,
        codings: Codings,
    ) -> None:
        self._live = live
        self._max_body = max_body = int(settings.max_body_mb * 2**20)
        room = FairQuota(max_body * LARGEST_BODIES_AT_ONCE, weight)
        timeout = settings.http_timeout
        self.bodies = BodyReader(max_body=max_body, timeout=timeout, room=room, codings=codings)
        self._codings = codings
        self._longest_call = settings.grpc_timeout
        self._reject = UNKNOWN_FIELD_POLICIES[settings.unknown_fields]
        self._shown = shown
        self._planner = planner
        self._interceptors = interceptors
        self._queries = queries

    def read_head(self, context: RequestContext) -> RequestHead:
        """Raises GatewayError for an invalid head, and for a call without a place (`enter`)."""
        request, catalog = context.request, self._live.current
        if catalog is None:
            raise no_schema()
        context.response.headers.append(catalog.tag)
        method = catalog.routes.get(request.path)
        if method is None:
            raise self._unknown(context, catalog)
        context.call.rpc = method.path
        if context.waiting.patience is None:
            self._interceptors.enter(context)  # first of all: refusals are to be cheap
        self._interceptors.authorize(context, catalog, method, None, "")
        if request.method != "POST" or method.streams:
            check_verb(request.method, method)
        surface = context.surface
        if surface is not None:
            rules = self._rules(context, self._reject)
            query, wanted, more = surface.read_head(request, method, rules)
            context.response.headers += more
            timeout = self._longest_call if wanted is None else min(self._longest_call, wanted)
            return RequestHead(catalog, method, timeout, self._reject, query, surface.is_binary)
        headers, timeout = request.headers, self._longest_call
        check_headers(headers, self._max_body, method, self._codings)
        asked = headers.get(b"grpc-timeout")
        if asked is not None:
            timeout = min(timeout, asked_timeout(asked))
        query, accept = NO_QUERY, headers.get(b"accept")
        if accept is not None or request.query or request.method != "POST":
            query = self._queries.read(context, method, accept, self._reject)
        is_plain = query.body is None and ForCaller not in method.aspects
        return RequestHead(catalog, method, timeout, self._reject, query, is_plain=is_plain)

    def _unknown(self, context: RequestContext, catalog: Catalog) -> GatewayError:
        """The error (NOT_FOUND), which suggests only methods that the caller may call."""
        caller = context.caller
        assert caller is not None, "no path is looked up without a token"
        names, path = caller.rights.names(catalog), context.request.path
        return unknown_path(path, catalog, names, self._shown)

    def _rules(self, context: RequestContext, policy: UnknownFieldPolicy) -> HeadRules:
        options, coding = self._queries.parameters, context.response.coding
        return HeadRules(policy, self._max_body, options, self._codings, coding)

    async def message_in(
        self, context: RequestContext, head: RequestHead, body: bytes | None, receive: Receive
    ) -> bytes:
        """The message in a body, or in that of a query string. None: the body is waited for.

        Raises GatewayError for an unreadable body, and ClientGone.
        """
        surface = context.surface
        if body is not None and not (surface is not None and surface.is_wrapped(context.request)):
            if head.query.body is not None:
                body = body_of_get(head.query.body, body)
            return body if surface is None else surface.message(body)
        began = monotonic()
        try:
            if body is None:
                body = await self.bodies.read(context, receive)
            if head.query.body is not None:
                body = body_of_get(head.query.body, body)
            if surface is not None:
                expand = partial(self.bodies.expand, context)
                body = await surface.unwrap(context.request, body, expand)
                self.bodies.check(len(body))
        finally:
            context.note_wait(monotonic() - began)
        return body

    def plan(
        self,
        context: RequestContext,
        head: RequestHead,
        body: bytes,
        done: PlanForCaller | None = None,
    ) -> CallRequest:
        """Raises GatewayError for an invalid body or a lost right. `done` is the plan for its
        caller, if another process has made it.

        A look-up only resolves a name and needs no right of its own, nor does a second read of the
        call's own answer.
        """
        method, query, authorize = head.method, head.query, self._interceptors.authorize
        for_caller: ForCaller | None = method.aspects.get(ForCaller)
        if done is not None:
            planned = done.plan
        elif head.is_binary:
            depends = self._interceptors.calls.depend_on_content(context, method)
            unread = for_caller is None and not depends
            planned = plan_message(method, body, head.policy, unread=unread)
        else:
            planned = plan(method, body, head.policy, partial(as_json, media_of(context)))
        if context.waiting.seconds or done is not None:
            self.reauthorize(context, head.catalog, method, planned)
        for follow_up, payload in planned.follow_ups:
            authorize(context, head.catalog, follow_up.method, payload, str(follow_up.given))
        if planned.kept:
            context.call.kept = planned.kept
        if for_caller is not None:
            planned = changed_for_caller(context, planned, for_caller, done)
        form, cut_at = query.form, 0
        if form is not None or planned.defaulted or planned.most_rows is not None:
            planned, form, cut_at = ask_for_rows(planned, form)
        if planned.defaulted or planned.ignored or query.unread:
            tell_of_fields(context, planned, query)
        if form is not None and form.second_call is not None:  # it tells what is in a list
            second = form.second_call
            look_up = head.catalog.routes[second.call]
            authorize(context, head.catalog, look_up, b"", second.shown)
        return CallRequest(planned, head.timeout, head.catalog, form, cut_at, query.asked)

    async def plan_offloaded(
        self, context: RequestContext, head: RequestHead, body: bytes, receive: Receive
    ) -> CallRequest:
        """`plan` in another process. Raises GatewayError, and ClientGone."""
        began = monotonic()
        with CancelOnDisconnect(context, receive):
            done = await self._planner.plan(
                context.principal,
                head.catalog,
                head.method,
                body,
                head.policy,
                head.timeout,
                caller_of(context),
                media=media_of(context),
                is_binary=head.is_binary,
            )
        took = monotonic() - began
        context.note_wait(took)
        head = head._replace(timeout=max(head.timeout - took, 0))
        return self.plan(context, head, body, done)

    async def tell_of_denial(
        self, context: RequestContext, error: GatewayError, receive: Receive
    ) -> None:
        """Call the `deny` stage for a request that was denied, before the client is answered."""
        read = partial(self._read_denied, context, receive)
        await self._interceptors.deny(context, error, read)

    async def _read_denied(self, context: RequestContext, receive: Receive) -> None:
        """Record the request for Cuebot, if it can be known. Does not raise."""
        denial, surface = context.call.denied, context.surface
        assert denial is not None, "nothing else is read here"
        body = await self._body_of_denied(context, receive)
        policy = UnknownFieldPolicy.NOTHING
        with suppress(Exception):  # the call stays denied
            if surface is not None:
                rules = self._rules(context, policy)
                asked = surface.read_head(context.request, denial.method, rules)
                body = body if asked.query.body is None else asked.query.body
                if body is not None:
                    body = await surface.unwrap(
                        context.request, body, partial(self.bodies.expand, context)
                    )
                    if is_long(denial.method, body, is_binary=surface.is_binary):
                        body = None
            elif context.request.method != "POST":
                body = self._queries.read(context, denial.method, None, policy).body
            if denial.payload is None and body is not None:
                if surface is not None and surface.is_binary:
                    planned = plan_message(denial.method, body, policy)
                else:
                    planned = plan(denial.method, body, policy, partial(as_json, media_of(context)))
                context.call.denied = denial._replace(payload=planned.payload)

    async def _body_of_denied(self, context: RequestContext, receive: Receive) -> bytes | None:
        """The body of a denied call, if it is short and arrives soon. Does not raise."""
        length = content_length(context.request.headers)
        if context.body.is_over or length is None or length > LARGE_BODY_BYTES:
            return None
        with suppress(GatewayError, ClientGone, TimeoutError):
            async with asyncio.timeout(SHORT_BODY_WAIT_SECONDS):
                body = self.bodies.take(context)
                body = await self.bodies.read(context, receive) if body is None else body
                return body if len(body) <= LARGE_BODY_BYTES else None
        return None

    def reauthorize(
        self,
        context: RequestContext,
        catalog: Catalog | None = None,
        method: Method | None = None,
        planned: Plan | None = None,
    ) -> None:
        """Raise GatewayError if the token or the method has been revoked since the head arrived.

        `method` is `catalog`'s; it is looked up again only if the catalog has changed.
        """
        self._interceptors.identify_again(context)
        current = self._live.current or catalog
        if current is None:
            raise no_schema()
        try:
            if method is None or current is not catalog:
                method = current.routes.get(context.request.path)
            if method is None:
                raise self._unknown(context, current)
            payload = None if planned is None else planned.payload
            self._interceptors.authorize(context, current, method, payload, "")
            check_verb(context.request.method, method)
        except GatewayError:
            context.response.set_header(*current.tag)  # the schema by which it is refused
            raise


def tell_of_fields(context: RequestContext, planned: Plan, query: Query) -> None:
    """In headers: which fields have been given a default, and which ignored."""
    headers = context.response.headers
    if planned.defaulted:
        headers.append((b"x-defaulted-fields", listed_paths(planned.defaulted)))
    if planned.ignored or query.unread:
        headers.append((b"x-ignored-fields", listed_paths(query.unread + planned.ignored)))


def caller_of(context: RequestContext) -> Caller:
    caller = context.caller
    assert caller is not None, "no method is called without a token"
    return Caller(caller.rights.identity, caller.subject)


def changed_for_caller(
    context: RequestContext, planned: Plan, each: ForCaller, done: PlanForCaller | None = None
) -> Plan:
    """The plan as its caller's. Raises GatewayError for one that is refused.

    `done` is that plan as another process has made it, for who the caller was then.
    """
    caller = caller_of(context)
    if done is None or done.caller != caller:
        done = each.change(planned, caller)
    if done.refusal is not None:
        if done.refusal.code is Code.PERMISSION_DENIED:
            context.call.denied = Denial(each.denied_by, planned.method, planned.payload)
        raise done.refusal.again()
    context.response.headers += done.headers
    return done.plan


def check_verb(verb: str, method: Method) -> None:
    """Call after `Interceptors.authorize`: a forbidden call is answered and told of as such,
    whatever the verb.
    """
    if verb == "POST" or (method.reads_only and verb in ("GET", "HEAD")):
        if method.streams:
            raise GatewayError(Code.UNIMPLEMENTED, f"{method.path} streams, which is not served")
        return
    allow = READ_ALLOWS if method.reads_only else CHANGE_ALLOWS
    problem = f"{verb} cannot call a method; use POST"
    if verb in ("GET", "HEAD"):
        why = f"{verb} is for methods that only read, and {method.path} may change something"
        problem = f"{why}; use POST (curl: -d with its arguments, and no -G)"
    raise GatewayError(Code.UNIMPLEMENTED, problem, status=405, headers={"Allow": allow})


def media_of(context: RequestContext) -> bytes:
    return context.request.headers.get(b"content-type", b"")


def takes_long(head: RequestHead, body: bytes) -> bool:
    """Whether planning would block the event loop for too long."""
    method = head.method
    if is_long(method, body, is_binary=head.is_binary):
        return True
    each: ForCaller | None = method.aspects.get(ForCaller)
    return each is not None and each.takes_long is not None and each.takes_long(body)


def is_long(method: Method, body: bytes, *, is_binary: bool) -> bool:
    if is_binary:
        return message_takes_long(method.descriptor.input_type, body)
    return holds_the_loop(body)


def body_of_get(asked: bytes, sent: bytes) -> bytes:
    """The JSON of a GET's query string. Raises GatewayError if the request also has a body."""
    if sent:
        raise GatewayError(
            Code.INVALID_ARGUMENT,
            "a GET has its arguments in the query string, and no body; use POST to send one",
        )
    return asked
