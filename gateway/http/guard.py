"""Who may pass: the token and the rate limit, in front of methods and protected pages."""

from collections.abc import Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.access.tokens import Authenticator
from gateway.errors import GatewayError
from gateway.http.context import RequestContext, context_of
from gateway.http.interceptors import Limit


class Guard:
    """Lets requests pass as their principals', within their principals' limits.

    Requests without a valid token are refused, and count against their address. With `public`,
    they pass as nobody's. Without an authenticator, everybody passes within their address's limits.
    The limits are asked one after the other, until one refuses.
    """

    def __init__(
        self,
        *,
        limits: Sequence[Limit],
        authenticator: Authenticator | None,
        public: bool = False,
    ) -> None:
        self._limits = limits
        self._authenticator = authenticator
        self._public = public

    async def admit(self, context: RequestContext) -> None:
        """Note whose request it is, and count it; it waits for its turn if it is a little early.

        Raises GatewayError for a request that may not pass: over its limit, no valid token.
        """
        refusal = None
        if self._authenticator is not None:
            try:
                caller = self._authenticator.authenticate(
                    context.request.headers.get(b"authorization")
                )
            except GatewayError as error:
                refusal = error
            else:
                context.caller, context.subject = caller, caller.subject
            if refusal is not None and self._public:
                refusal, context.caller = None, self._authenticator.nobody()
        for limit in self._limits:
            count = await limit.admit(context.subject, context.request.client)
            context.response.headers += count.headers
            context.waited += count.wait
            if count.refusal is not None:
                raise count.refusal
        if refusal is not None:
            raise refusal

    def protect(self, app: ASGIApp) -> ASGIApp:
        """`app`, for requests that may pass."""
        return Guarded(self, app)


class Guarded:
    """An app behind a guard. (Starlette takes a function for something else.)"""

    def __init__(self, guard: Guard, app: ASGIApp) -> None:
        self._guard = guard
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._guard.admit(context_of(scope))
        await self._app(scope, receive, send)
