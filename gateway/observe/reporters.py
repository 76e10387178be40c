"""The interceptors that write to the log, as the settings have it."""

import sys

from gateway.http.interceptors import Interceptor
from gateway.observe.access_log import AccessLog
from gateway.observe.logs import is_json
from gateway.observe.slow_calls import SlowCalls
from gateway.settings.model import Settings


def request_logs(settings: Settings) -> list[Interceptor]:
    """A line for each request, and for slow calls."""
    in_json = is_json(settings.log_format, sys.stdout)
    logs: list[Interceptor] = [AccessLog(sys.stdout if in_json else None)]
    if settings.slow_call:
        logs.append(SlowCalls(settings.slow_call))
    return logs
