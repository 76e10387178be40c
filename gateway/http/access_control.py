"""Access control: the access rules decide which methods the caller may call."""

from gateway.errors import GatewayError
from gateway.http.context import Denial, RequestContext
from gateway.http.interceptors import Interceptor
from gateway.schema.catalog import Catalog
from gateway.schema.method import Method


class AccessControl(Interceptor):
    """Refuses calls that the token's rule forbids, and records them in `CallState.denied`."""

    def authorize(
        self,
        context: RequestContext,
        catalog: Catalog,
        method: Method,
        payload: bytes | None,
        asked_by: str,
    ) -> None:
        caller = context.caller
        assert caller is not None, "no method is called without a token"
        try:
            caller.rule.check(method, catalog, caller.subject, asked_by)
        except GatewayError:
            context.call.rpc = method.path
            context.call.denied = Denial(caller.rule.name, method, payload)
            raise
