"""What a path takes: OPTIONS tells anybody (RFC 9110 section 9.3.7); a wrong verb for a page.

The client need not have a token, so every path but those of pages and health checks gets the same
answer: it does not reveal which methods there are.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope, Send

from gateway.errors import Code, GatewayError
from gateway.http.context import context_of

CHANGE_ALLOWS = "POST, OPTIONS"
READ_ALLOWS = "GET, HEAD, POST, OPTIONS"
"""The `Allow` of methods that only read; also that of paths that may be methods of any kind."""
PAGE_ALLOWS = "GET, HEAD, OPTIONS"


async def answer_options(scope: Scope, send: Send, *, is_page: bool) -> None:
    """Answer OPTIONS."""
    context_of(scope).response.code = Code.OK
    allow = PAGE_ALLOWS if is_page else READ_ALLOWS
    await send_nothing(send, (b"allow", allow.encode()))


async def wrong_verb(request: Request, error: Exception) -> Response:
    """The only refusal of Starlette's own, that of a page, in the one JSON shape."""
    raise GatewayError(
        Code.UNIMPLEMENTED,
        f"{request.method} is not for {request.url.path}; use GET",
        status=405,
        headers={"Allow": PAGE_ALLOWS},
    )


async def send_nothing(send: Send, *headers: tuple[bytes, bytes], status: int = 204) -> None:
    """An answer with these headers, and no body."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
