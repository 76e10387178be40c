"""Guards of pages: who may see them, and how often."""

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.context import RequestContext, context_of
from gateway.core.pipeline.interceptors import Interceptor, Interceptors
from gateway.core.principal import Authority


class Guarded:
    """Admits requests for a page: callers are identified, and their rates count."""

    def __init__(self, interceptors: Interceptors, app: ASGIApp) -> None:
        self._interceptors = interceptors
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        waiting = self._interceptors.admit(context)
        if waiting is not None:
            await waiting
            self._interceptors.identify_again(context)
        await self._app(scope, receive, send)


class StatusOnly:
    """Refuses who may not see the state of the gateway itself; within `Guarded`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = context_of(scope).caller
        assert caller is not None, "no page is shown without a token"
        if not caller.rights.shows_status:
            raise GatewayError(
                Code.PERMISSION_DENIED,
                f"{caller.subject!r} may not see the state of the gateway: the access rule"
                f' {caller.rights.name!r} has no "status" in `may`',
            )
        await self._app(scope, receive, send)


class Anonymous(Interceptor):
    """After the stages that identify: who has not been is nobody in particular, and not refused."""

    def __init__(self, authority: Authority) -> None:
        self._authority = authority

    def identify(self, context: RequestContext) -> None:
        if context.caller is None or context.response.refusal is not None:
            context.response.refusal = None
            context.caller = self._authority.nobody()
