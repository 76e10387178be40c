"""Traces: the trace that a request is part of; and spans, sent by OpenTelemetry."""

from collections.abc import Iterable

from gateway.core.gateway import Gateway
from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.pipeline.interceptors import Interceptor
from gateway.feature import Feature
from gateway.features.traces.interceptor import TraceContexts
from gateway.features.traces.trace_settings import open_traces


class Traces(Feature):
    name = "traces"
    document = "openapi.yaml"
    headers = HeaderNames(read=("traceparent", "tracestate"), sent=("X-Trace-ID",))

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self._traces = open_traces(gateway.settings)

    def interceptors(self) -> Iterable[Interceptor]:
        return (self._traces or TraceContexts(),)

    async def close(self) -> None:
        if self._traces is not None:
            await self._traces.close()
