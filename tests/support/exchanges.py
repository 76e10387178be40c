"""Requests without a gateway, for tests of what is done with them."""

from typing import Any

from gateway.http.exchange import Exchange, open_exchange
from gateway.http.proxies import TrustedProxies
from gateway.http.spans import Sampler


def exchange_of(
    path: str,
    *,
    direct: Any = None,
    headers: dict[bytes, bytes] | None = None,
    method: str = "POST",
    sampler: Sampler | None = None,
) -> Exchange:
    """A request; with `direct`, on that connection of our own server."""
    return open_exchange(
        http_method=method,
        path=path,
        headers=headers or {},
        peer="127.0.0.1",
        proxies=TrustedProxies(()),
        direct=direct,
        sampler=sampler,
    )
