"""Requests without a gateway, for tests of what is done with them."""

from typing import Any

from gateway.core.pipeline.context import RequestContext, open_context, the_peer


def context_of(
    path: str,
    *,
    direct: Any = None,
    headers: dict[bytes, bytes] | None = None,
    method: str = "POST",
    seconds: float = 0.0,
) -> RequestContext:
    """A request that came so many seconds ago; with `direct`, on that connection of our server."""
    return open_context(
        method=method,
        path=path,
        headers=headers or {},
        peer="127.0.0.1",
        client_of=the_peer,
        direct=direct,
        seconds=seconds,
    )
