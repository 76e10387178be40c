"""The client behind a trusted proxy (X-Forwarded-For, X-Forwarded-Proto)."""

from ipaddress import ip_address
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

PEER = "forwarding_peer"
"""Where the scope keeps the address of the peer itself."""


class Forwarded:
    """Takes the client's address from the headers of proxies at `trusted` addresses.

    It is the last one in the list that is not itself trusted, so that what a client has written
    there never counts; headers from other addresses are ignored. uvicorn parses the list.
    """

    def __init__(self, app: ASGIApp, *, trusted: tuple[str, ...]) -> None:
        self._app = app
        reading: Any = ProxyHeadersMiddleware(self._with_an_address, list(trusted))  # type: ignore[arg-type]
        self._read: ASGIApp = reading

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[PEER] = scope.get("client")
        await self._read(scope, receive, send)

    async def _with_an_address(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A proxy may pass on any text: only an address is counted, logged and told to Cuebot."""
        client: tuple[str, int] | None = scope.get("client")
        if client is not None and client is not scope[PEER] and not is_address(client[0]):
            scope["client"] = scope[PEER]
        await self._app(scope, receive, send)


def is_address(text: str) -> bool:
    """Whether it is an IP address. A zone (`fe80::1%eth0`) may hold any text, and is refused."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return "%" not in text
