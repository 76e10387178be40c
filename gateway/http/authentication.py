"""Authentication, the first interceptor, and a guard for pages."""

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.access.tokens import Authenticator
from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.context import RequestContext, context_of
from gateway.core.pipeline.interceptors import Interceptor, Interceptors


class Authentication(Interceptor):
    """Verifies the bearer token (RFC 6750). With `public`, the token is optional."""

    def __init__(self, authenticator: Authenticator, *, public: bool = False) -> None:
        self._authenticator = authenticator
        self._public = public

    def identify(self, context: RequestContext) -> None:
        authorization, before = context.request.headers.get(b"authorization"), context.caller
        try:
            if before is None:
                caller = self._authenticator.authenticate(authorization)
            else:
                caller = self._authenticator.authenticate_again(authorization, before)
        except GatewayError as error:
            if self._public:
                context.caller = self._authenticator.anonymous()
            else:
                context.refusal = error.again()
        else:
            context.caller = caller
            if context.subject is None:  # whose quota is used is decided once, whatever changes
                context.subject = caller.subject


class Guarded:
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
