"""Requests without a gateway, for tests of what is done with them."""

from typing import Any

from gateway.http.context import RequestContext, open_context
from gateway.http.proxies import TrustedProxies


def context_of(
    path: str,
    *,
    direct: Any = None,
    headers: dict[bytes, bytes] | None = None,
    method: str = "POST",
    seconds: float = 0.0,
) -> RequestContext:
    """A request; with `direct`, on that connection of our own server.

    It has come so many seconds ago.
    """
    return open_context(
        method=method,
        path=path,
        headers=headers or {},
        peer="127.0.0.1",
        proxies=TrustedProxies(()),
        direct=direct,
        seconds=seconds,
    )
