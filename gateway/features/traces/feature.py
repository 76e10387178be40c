"""Traces: the trace that a request is part of; and spans, sent by OpenTelemetry."""

from collections.abc import Iterable, Sequence
from typing import Any

from gateway.core.findings import Findings
from gateway.core.gateway import Composition, Gateway
from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.settings.model import Settings, Strict
from gateway.feature import Feature
from gateway.features.traces.interceptor import TraceContexts
from gateway.features.traces.settings import TraceSettings
from gateway.features.traces.trace_settings import check_traces, open_traces


class Traces(Feature):
    name = "traces"
    openapi = "openapi.yaml"
    headers = HeaderNames(read=("traceparent", "tracestate"), sent=("X-Trace-ID",))

    @classmethod
    def section(cls, added: Sequence[Any]) -> type[Strict]:
        return TraceSettings

    @classmethod
    async def check(cls, settings: Settings, composition: Composition, found: Findings) -> None:
        with found.settings():
            check_traces(settings)

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self._traces = open_traces(gateway.settings)

    def interceptors(self) -> Iterable[Interceptor]:
        return (self._traces or TraceContexts(),)

    async def close(self) -> None:
        if self._traces is not None:
            await self._traces.close()
