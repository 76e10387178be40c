"""A warning for each call that takes long, with the parts that its time is made of."""

import time

import structlog

from gateway.http.context import RequestContext
from gateway.http.interceptors import Interceptor

log = structlog.stdlib.get_logger("gateway.slow")


class SlowCalls(Interceptor):
    """Warns of requests that called a method and took so many seconds or more.

    Waiting does not count: for the body, the rate limit, or as a GET asks with `Prefer: wait`.
    """

    def __init__(self, limit: float) -> None:
        self._limit = limit

    def end(self, context: RequestContext) -> None:
        now = time.monotonic()
        total = now - context.request.started
        if total - context.waited < self._limit or context.call.rpc is None:
            return
        begun = context.response.began or now
        own = begun - context.request.started - context.call.with_cuebot - context.waited
        log.warning(
            "slow call",
            **context.request.ids,
            rpc=context.call.rpc,
            subject=context.subject,
            status=context.response.status,
            ms=milliseconds(total),
            cuebot_ms=milliseconds(context.call.with_cuebot),
            gateway_ms=milliseconds(max(own, 0.0)),
            wait_ms=milliseconds(context.waited),
            sending_ms=milliseconds(now - begun),
            bytes=context.response.bytes_out,
        )


def milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)
