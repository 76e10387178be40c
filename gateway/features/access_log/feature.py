"""The access log, and the warnings of slow calls."""

import sys
from collections.abc import Iterable, Sequence
from typing import Any

from gateway.core.gateway import Gateway
from gateway.core.logs import is_json
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.settings.model import Commit, Reloadable, Settings, Strict
from gateway.feature import Feature
from gateway.features.access_log.request_logs import AccessLines, SlowCalls
from gateway.features.access_log.settings import AccessLogSettings


class AccessLog(Feature):
    name = "access_log"

    @classmethod
    def section(cls, added: Sequence[Any]) -> type[Strict]:
        return AccessLogSettings

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        in_json = is_json(gateway.settings.log_format, sys.stdout)
        self._lines = AccessLines(sys.stdout if in_json else None, gateway.log_fields.request)
        self._lines.follow(gateway.settings)

    def interceptors(self) -> Iterable[Interceptor]:
        slow_call = self.gateway.settings.section(AccessLogSettings).slow_call
        return (self._lines, SlowCalls(slow_call)) if slow_call else (self._lines,)

    def reloadables(self) -> Iterable[Reloadable]:
        def prepare(settings: Settings) -> Commit:
            def commit() -> None:
                self._lines.follow(settings)
                self.gateway.pipeline.interceptors.compose()

            return commit

        return (Reloadable("the access log", ("log_level",), prepare),)
