"""The access log, and the warnings of slow calls."""

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.settings.model import Strict
from gateway.feature import Feature
from gateway.features.access_log.request_logs import request_logs
from gateway.features.access_log.settings import AccessLogSettings


class AccessLog(Feature):
    name = "access_log"

    @classmethod
    def section(cls, added: Sequence[Any]) -> type[Strict]:
        return AccessLogSettings

    def interceptors(self) -> Iterable[Interceptor]:
        return request_logs(self.gateway.settings, self.gateway.log_fields.request)
