"""CORS: the web pages that may call the gateway from a browser (https://fetch.spec.whatwg.org).

Starlette's CORSMiddleware decides on preflights. This module puts it inside the context, so that
errors have the headers as well, and gives refusals the JSON error format. There is no credentials
mode: pages set the token's header themselves.
"""

from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.context import RequestContext, context_of
from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.pipeline.routing import send_nothing
from gateway.core.suggestions import QUOTED_CHARS

METHODS = ("GET", "HEAD", "POST")
PREFLIGHT_MAX_AGE_SECONDS = 7200
"""How long browsers may cache a preflight, per path: Chrome's maximum."""
ASKED_METHOD = "access-control-request-method"
ASKED_HEADERS = "access-control-request-headers"
BODY_HEADERS = (b"content-length", b"content-type")


class CorsMiddleware:
    """Answers preflights, and lets pages read answers. Runs inside ContextMiddleware.

    Pages of `origins` (`*`: all) may send the headers that are `known`, and `more` of them.
    """

    def __init__(
        self, app: ASGIApp, *, origins: Collection[str], known: HeaderNames, more: Collection[str]
    ) -> None:
        self._app = app
        self._rules = CORSMiddleware(
            Response(),  # never called
            allow_origins=origins,
            allow_methods=METHODS,
            allow_headers=(*known.read, *more),
            max_age=PREFLIGHT_MAX_AGE_SECONDS,
        )
        self._exposed = (
            b"access-control-expose-headers",
            ", ".join(sorted(known.answered)).encode(),
        )
        self._listed = not self._rules.allow_all_origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        context = context_of(scope)
        headers = context.request.headers
        asks = b"origin" in headers and ASKED_METHOD.encode() in headers
        if asks and context.request.method == "OPTIONS":
            await send_nothing(send, *self._preflight(context))
            return
        self._allow(context)
        await self._app(scope, receive, send)

    def _allow(self, context: RequestContext) -> None:
        origin = context.request.headers.get(b"origin")
        if self._listed:
            context.response.headers.append((b"vary", b"Origin"))
        if origin is not None and self._rules.is_allowed_origin(origin.decode("latin-1")):
            allowed = origin if self._listed else b"*"
            context.response.headers += ((b"access-control-allow-origin", allowed), self._exposed)

    def _preflight(self, context: RequestContext) -> list[tuple[bytes, bytes]]:
        # No answer to requests for private network access.
        asked = Headers(
            {
                name: context.request.headers[name.encode()].decode("latin-1")
                for name in ("origin", ASKED_METHOD, ASKED_HEADERS)
                if name.encode() in context.request.headers
            }
        )
        answer = self._rules.preflight_response(asked)
        if answer.status_code != 200:
            raise self._refusal(asked)
        context.response.code = Code.OK
        return [(name, value) for name, value in answer.raw_headers if name not in BODY_HEADERS]

    def _refusal(self, asked: Headers) -> GatewayError:
        origin, method = asked["origin"], asked[ASKED_METHOD]
        if not self._rules.is_allowed_origin(origin):
            problem = (
                f"pages of {origin[:QUOTED_CHARS]} may not call this gateway: not in CORS_ORIGINS"
            )
        elif method not in METHODS:
            problem = f"pages may not send {method[:QUOTED_CHARS]}; use POST"
        else:
            headers = asked.get(ASKED_HEADERS, "")
            problem = (
                f"pages may not send one of these headers: {headers[:QUOTED_CHARS]};"
                " CORS_HEADERS can allow more"
            )
        return GatewayError(Code.PERMISSION_DENIED, problem)
