"""What finished requests have been, in plain numbers: an interceptor that has to be cheap."""

from bisect import bisect_left
from collections.abc import Callable
from time import monotonic
from typing import get_args

from gateway.errors import BadToken, Cause, Code, GatewayError, Shed
from gateway.http.context import RequestContext
from gateway.http.interceptors import Interceptor
from gateway.observe.metric_families import BOUNDS, Numbers

OTHER = "other"
"""The label of whatever is no method."""
CODES = {code.http_status: code.name for code in reversed(Code)}
"""Those of pages, which have no gRPC code, by HTTP status."""


def no_durations() -> list[float]:
    """An empty histogram: how many were in each bucket of BOUNDS and beyond, and their sum."""
    return [0.0] * (len(BOUNDS) + 2)


class RequestCounters(Interceptor):
    """Counts finished requests, and what is refused before there is one.

    `method_at` tells which native method is at a path: empty if there is none.
    """

    def __init__(self, method_at: Callable[[str], str]) -> None:
        self._method_at = method_at
        self._answers: dict[tuple[str, int, Code | None], int] = {}
        self._causes: dict[Cause | None, int] = {}
        self._denied: dict[str, int] = {}
        self._took = no_durations()
        self._with_cuebot = no_durations()
        self._waited = no_durations()
        self._bytes_in = self._bytes_out = 0

    def end(self, context: RequestContext) -> None:
        request, response, call = context.request, context.response, context.call
        key = call.rpc or self._method_at(request.path), response.status, response.code
        try:
            self._answers[key] += 1
        except KeyError:
            self._answers[key] = 1
        # Three times the same lines: a function would make all of this twice as dear.
        asked = context.waited_as_asked
        seconds = monotonic() - request.started - asked
        durations = self._took
        durations[bisect_left(BOUNDS, seconds)] += 1
        durations[-1] += seconds
        seconds = context.waited - asked
        durations = self._waited
        if seconds > 0:
            durations[bisect_left(BOUNDS, seconds)] += 1
            durations[-1] += seconds
        else:
            durations[0] += 1
        seconds = call.with_cuebot
        if seconds > 0:
            durations = self._with_cuebot
            durations[bisect_left(BOUNDS, seconds)] += 1
            durations[-1] += seconds
        self._bytes_in += context.bytes_in
        self._bytes_out += response.bytes_out
        if response.cause is not None:
            self._causes[response.cause] = self._causes.get(response.cause, 0) + 1
        if call.denied is not None:
            rule = call.denied.rule
            self._denied[rule] = self._denied.get(rule, 0) + 1

    def turned_away(self, error: GatewayError) -> None:
        """Count a connection for which there is no place."""
        self._causes[error.cause] = self._causes.get(error.cause, 0) + 1

    def numbers(self) -> Numbers:
        """What has been counted so far."""
        causes = self._causes
        found: Numbers = {
            ("request_duration_seconds",): [*self._took],
            ("upstream_duration_seconds",): [*self._with_cuebot],
            ("queue_duration_seconds",): [*self._waited],
            ("request_bytes_total",): self._bytes_in,
            ("response_bytes_total",): self._bytes_out,
            ("rate_limited_total",): causes.get("rate_limit", 0),
        }
        for (method, status, code), count in self._answers.items():
            name = code_of(status) if code is None else code.name
            series = "requests_total", method or OTHER, str(status), name
            found[series] = count
        for shed in get_args(Shed):
            found["shed_total", shed] = causes.get(shed, 0)
        for reason in get_args(BadToken):
            found["auth_failures_total", reason] = causes.get(reason, 0)
        for rule, count in self._denied.items():
            found["denied_total", rule] = count
        return found


def code_of(status: int) -> str:
    """The gRPC name of a page's status."""
    return "OK" if status < 400 else CODES.get(status, "UNKNOWN")
