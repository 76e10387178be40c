"""The access log, and the warnings of slow calls."""

from collections.abc import Iterable

from gateway.core.pipeline.interceptors import Interceptor
from gateway.feature import Feature
from gateway.features.access_log.request_logs import request_logs


class AccessLog(Feature):
    name = "access_log"

    def interceptors(self) -> Iterable[Interceptor]:
        return request_logs(self.gateway.settings, self.gateway.log_fields.request)
