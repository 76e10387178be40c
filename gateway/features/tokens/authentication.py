"""Authentication: the interceptor that identifies callers."""

from gateway.core.errors import GatewayError
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.interceptors import Interceptor
from gateway.features.tokens.tokens import Authenticator


class Authentication(Interceptor):
    """Verifies the bearer token (RFC 6750)."""

    def __init__(self, authenticator: Authenticator) -> None:
        self._authenticator = authenticator

    def identify(self, context: RequestContext) -> None:
        authorization, before = context.request.headers.get(b"authorization"), context.caller
        try:
            if before is None:
                caller = self._authenticator.authenticate(authorization)
            else:
                caller = self._authenticator.authenticate_again(authorization, before)
        except GatewayError as error:
            context.response.refusal = error.again()
        else:
            context.caller = caller
            if context.subject is None:  # whose quota is used is decided once, whatever changes
                context.subject = caller.subject
