"""A warning for each call that takes long, with the parts that its time is made of."""

import time

import structlog

from gateway.http.exchange import Exchange

log = structlog.stdlib.get_logger("gateway.slow")


class SlowCalls:
    """Reports finished exchanges that called a method and took so many seconds or more.

    Waiting does not count: for the body, the rate limit, or as a GET asks with `Prefer: wait`.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit

    def __call__(self, exchange: Exchange) -> None:
        now = time.monotonic()
        total = now - exchange.started
        if total - exchange.waited < self._limit or exchange.rpc is None:
            return
        begun = exchange.answering or now
        own = begun - exchange.started - exchange.with_cuebot - exchange.waited
        log.warning(
            "slow call",
            **exchange.ids,
            rpc=exchange.rpc,
            subject=exchange.subject,
            status=exchange.status,
            ms=milliseconds(total),
            cuebot_ms=milliseconds(exchange.with_cuebot),
            gateway_ms=milliseconds(max(own, 0.0)),
            wait_ms=milliseconds(exchange.waited),
            sending_ms=milliseconds(now - begun),
            bytes=exchange.bytes_out,
        )


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
