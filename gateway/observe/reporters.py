"""The reporters that write to the log, as the settings have it."""

import sys

from gateway.http.interceptors import Reporter
from gateway.observe.access_log import AccessLog
from gateway.observe.logs import is_json
from gateway.observe.slow_calls import SlowCalls
from gateway.settings.model import Settings


def log_reporters(settings: Settings) -> list[Reporter]:
    """Of each request, and of slow calls."""
    in_json = is_json(settings.log_format, sys.stdout)
    reporters: list[Reporter] = [AccessLog(sys.stdout if in_json else None)]
    if settings.slow_call:
        reporters.append(SlowCalls(settings.slow_call))
    return reporters
