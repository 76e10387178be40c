"""Traces: spans of requests and of calls to Cuebot, sent by OpenTelemetry."""

from collections.abc import Iterable

from gateway.core.findings import Findings
from gateway.core.gateway import Composition, Gateway
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.settings.model import Settings
from gateway.feature import Feature
from gateway.features.traces.trace_settings import check_traces, open_traces


class Traces(Feature):
    name = "traces"

    @classmethod
    async def check(cls, settings: Settings, composition: Composition, found: Findings) -> None:
        with found.settings():
            check_traces(settings)

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self._traces = open_traces(gateway.settings)

    def interceptors(self) -> Iterable[Interceptor]:
        return () if self._traces is None else (self._traces,)

    async def close(self) -> None:
        if self._traces is not None:
            await self._traces.close()
