"""The settings of what is logged of requests."""

from gateway.core.settings.model import Strict
from gateway.core.settings.types import Duration


class AccessLogSettings(Strict):
    slow_call: Duration = 0.0
