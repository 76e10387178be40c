"""Spans of finished requests, over OTLP. Needs the extra `otel`.

Attributes have the names of OpenTelemetry's conventions for HTTP and RPC.
"""

import asyncio
import logging
import re
import time
from collections.abc import Iterator, Mapping
from threading import Thread
from types import MappingProxyType
from typing import NamedTuple

import structlog
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from gateway import __version__
from gateway.core.errors import Code
from gateway.core.pipeline.context import RequestContext
from gateway.features.traces.interceptor import TRACED, TraceContexts, given_to, take_part
from gateway.features.traces.trace_context import CallTimes, Sampler, Spans, span_id

FLUSH_TIMEOUT_SECONDS = 3.0
SPAN_MIN_SECONDS = 0.001
"""Shorter waits, and shorter times of sending, have no span."""
WITHOUT_SPANS = ("/healthz", "/readyz", "/metrics")
"""Paths that machines ask for every few seconds."""
SAMPLED = TraceFlags(TraceFlags.SAMPLED)
SCOPE = InstrumentationScope("cuebot-gateway", __version__)
CREDENTIALS = re.compile(r"//\S*@")
"""In the collector's URL, which some errors quote."""
LOG_INTERVAL_SECONDS = 60.0
"""Between two lines in the gateway's log about trouble with sending."""

log = structlog.stdlib.get_logger("gateway.traces")

Attributes = Mapping[str, str | int]


class Part(NamedTuple):
    """One span of a request. Times are seconds on the monotonic clock."""

    name: str
    began: float
    ended: float
    id: str
    kind: SpanKind = SpanKind.INTERNAL
    attributes: Attributes = MappingProxyType({})
    failed: bool = False


class Tracing(TraceContexts):
    def __init__(self, sampler: Sampler) -> None:
        """Reads the OTEL_… variables for the exporter. Raises ValueError for wrong ones."""
        self._sampler = sampler
        otel_log = logging.getLogger("opentelemetry")
        otel_log.handlers, otel_log.propagate = [SendingTrouble()], False
        ours = {"service.name": "cuebot-gateway", "service.version": __version__}
        named = Resource.create().merge(Resource(ours))
        self._resource = named.merge(OTELResourceDetector().detect())
        self._spans = BatchSpanProcessor(OTLPSpanExporter())

    def open(self, context: RequestContext) -> None:
        if context.response.status:  # the server has refused the request: there are no spans
            super().open(context)
        else:
            take_part(context, *self._sampler.begin(given_to(context)))

    def enter(self, context: RequestContext) -> None:
        traced = TRACED.peek(context)
        if traced is not None and traced.spans is not None:
            traced.spans.note_read()

    def calling(self, context: RequestContext) -> None:
        traced = TRACED.peek(context)
        if traced is not None and traced.spans is not None and traced.trace is not None:
            context.call.metadata = traced.spans.begin_call(traced.trace).metadata

    def called(self, context: RequestContext, began: float, ended: float, code: Code) -> None:
        traced = TRACED.peek(context)
        if traced is not None and traced.spans is not None:
            traced.spans.calls.append(CallTimes(traced.spans.call, began, ended, code))

    def end(self, context: RequestContext) -> None:
        request, rpc, traced = context.request, context.call.rpc, TRACED.peek(context)
        trace, spans = (None, None) if traced is None else (traced.trace, traced.spans)
        if spans is None or trace is None or request.path in WITHOUT_SPANS:
            return
        now = time.monotonic()
        epoch = time.time() - now
        trace_id = int(trace.trace_id, 16)
        whole = Part(
            f"{request.method} {rpc}" if rpc else request.method,
            request.started,
            now,
            spans.request,
            SpanKind.SERVER,
            attributes_of(context),
            context.response.status >= 500,
        )
        self._send(whole, epoch, trace_id, spans.parent)
        for part in parts_of(context, spans, now):
            self._send(part, epoch, trace_id, spans.request)

    def _send(self, part: Part, epoch: float, trace_id: int, parent: str) -> None:
        is_remote = part.kind is SpanKind.SERVER
        self._spans.on_end(
            ReadableSpan(
                part.name,
                SpanContext(trace_id, int(part.id, 16), False, SAMPLED),
                SpanContext(trace_id, int(parent, 16), is_remote, SAMPLED) if parent else None,
                self._resource,
                part.attributes,
                kind=part.kind,
                status=Status(StatusCode.ERROR if part.failed else StatusCode.UNSET),
                start_time=round((epoch + part.began) * 1e9),
                end_time=round((epoch + part.ended) * 1e9),
                instrumentation_scope=SCOPE,
            )
        )

    async def close(self) -> None:
        """Send what is left, within FLUSH_TIMEOUT_SECONDS."""
        # A daemon thread does not keep the process alive if no collector takes the spans.
        closing = Thread(target=self._spans.shutdown, daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, FLUSH_TIMEOUT_SECONDS)


class SendingTrouble(logging.Handler):
    """Thins out the warnings of OpenTelemetry, which repeats itself every few seconds."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._logged_at = -LOG_INTERVAL_SECONDS

    def emit(self, record: logging.LogRecord) -> None:
        now = time.monotonic()
        if now - self._logged_at >= LOG_INTERVAL_SECONDS:
            self._logged_at = now
            log.warning("spans may be lost", problem=CREDENTIALS.sub("//…@", record.getMessage()))


def parts_of(context: RequestContext, spans: Spans, now: float) -> Iterator[Part]:
    """The spans within the request's, in order, as far as it has come."""
    began, answering = context.request.started, context.response.began or now
    if spans.read:
        if context.waiting.seconds > SPAN_MIN_SECONDS and spans.read - began > SPAN_MIN_SECONDS:
            yield Part("wait", began, spans.read, span_id())
        called = spans.calls[0].began if spans.calls else answering
        yield Part("decode", spans.read, called, span_id())
    for call in spans.calls:
        yield call_part(context.call.rpc or "", call)
    # A 304 has nothing to encode, and may come some time after the last call (`Prefer: wait`).
    if spans.calls and spans.calls[-1].code is Code.OK and context.response.status != 304:
        yield Part("encode", spans.calls[-1].ended, answering, span_id())
    if now - answering > SPAN_MIN_SECONDS:
        yield Part("send", answering, now, span_id())


def call_part(path: str, call: CallTimes) -> Part:
    service, _, method = path[1:].partition("/")
    attributes: Attributes = {
        "rpc.system": "grpc",
        "rpc.service": service,
        "rpc.method": method,
        "rpc.grpc.status_code": int(call.code),
    }
    failed = call.code is not Code.OK
    return Part(path[1:], call.began, call.ended, call.id, SpanKind.CLIENT, attributes, failed)


def attributes_of(context: RequestContext) -> Attributes:
    """No more than an access line has."""
    request, response = context.request, context.response
    found = {
        "http.request.method": request.method,
        "http.route": context.call.rpc,
        "http.response.status_code": response.status or None,
        "http.response.body.size": response.bytes_out,
        "network.protocol.version": request.http_version,
        "url.path": request.logged_path,
        "client.address": request.client,
        "enduser.id": context.subject,
        "error.type": response.code.name if response.code and response.status >= 500 else None,
        "cuebot_gateway.request_id": request.id,
    }
    return {name: value for name, value in found.items() if value is not None}
