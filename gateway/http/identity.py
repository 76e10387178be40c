"""IDENTITY: the caller's name in requests whose fields become Cuebot's records."""

from gateway.calls.caller import Caller, Named, with_caller
from gateway.calls.plan import Plan
from gateway.errors import Code
from gateway.http.context import Denial, RequestContext
from gateway.http.interceptors import Interceptor
from gateway.http.request_headers import listed_paths


class Identity(Interceptor):
    """Puts the caller's name into a plan, or refuses a plan with another name."""

    def prepare(self, context: RequestContext, plan: Plan, named: Named | None) -> Plan:
        if plan.method.identity is None and not plan.follow_ups:
            return plan
        caller = caller_of(context)
        if named is None or named.caller != caller:
            named = with_caller(plan, caller)
        if named.refusal is not None:
            if named.refusal.code is Code.PERMISSION_DENIED:
                context.call.denied = Denial("identity", plan.method, plan.payload)
            raise named.refusal
        if named.replaced:
            context.response.headers.append((b"x-replaced-fields", listed_paths(named.replaced)))
        return named.plan


def caller_of(context: RequestContext) -> Caller:
    caller = context.caller
    assert caller is not None, "no method is called without a token"
    return Caller(caller.rule.identity, caller.subject)
