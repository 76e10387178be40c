"""Access control: which methods a rule allows."""

from gateway.core.errors import GatewayError
from gateway.core.pipeline.context import Denial, RequestContext
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.method import Method
from gateway.features.access.rights import Rule


class AccessControl(Interceptor):
    """Decides by the method alone."""

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
        rule = caller.rights
        assert isinstance(rule, Rule), "tokens have the rights that access rules give them"
        try:
            rule.check(method, catalog, caller.subject, asked_by)
        except GatewayError:
            context.call.rpc = method.path
            context.call.denied = Denial(rule.name, method, payload)
            raise
