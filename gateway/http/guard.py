"""Who may pass: the token and the rate limit, in front of methods and protected pages."""

from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.access.limits import RateLimits
from gateway.access.tokens import Authenticator
from gateway.errors import GatewayError
from gateway.http.exchange import exchange_of


class Guard:
    """Lets a request pass to `app` as its principal, within its principal's rate.

    Requests without a valid token are refused, and count against their address. Without an
    authenticator, everybody passes within their address's rate.
    """

    def __init__(
        self, app: ASGIApp, *, limits: RateLimits, authenticator: Authenticator | None
    ) -> None:
        self._app = app
        self._admit = limits.admit
        self._authenticate = None if authenticator is None else authenticator.authenticate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = exchange_of(scope)
        refusal: GatewayError | None = None
        if self._authenticate is not None:
            try:
                principal = self._authenticate(exchange.headers.get(b"authorization"))
            except GatewayError as error:
                refusal = error
            else:
                exchange.subject = principal.subject
        count = await self._admit(exchange.subject, exchange.client)
        exchange.headers_out += count.headers
        exchange.waited += count.wait
        refusal = count.refusal or refusal
        if refusal is not None:
            raise refusal
        await self._app(scope, receive, send)
