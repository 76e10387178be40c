"""The trace that a request is part of: read from its head, answered, logged and sent to Cuebot."""

from dataclasses import dataclass

from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.pipeline.state import Slot
from gateway.features.traces.trace_context import Spans, TraceContext, read_context


@dataclass(slots=True)
class Traced:
    """A request that is part of a trace."""

    trace: TraceContext | None = None
    spans: Spans | None = None
    """None if none are sent."""


TRACED = Slot(Traced)


def trace_of(context: RequestContext) -> TraceContext | None:
    traced = TRACED.peek(context)
    return None if traced is None else traced.trace


class TraceContexts(Interceptor):
    """Without spans: a caller's trace goes on to Cuebot as it came."""

    def open(self, context: RequestContext) -> None:
        if not context.request.made_for and b"traceparent" not in context.request.headers:
            return  # as most are
        trace = given_to(context)
        if trace is not None:
            take_part(context, trace)


def given_to(context: RequestContext) -> TraceContext | None:
    """The trace that a request's caller, or the request that it is made for, is part of."""
    headers, made_for = context.request.headers, context.request.made_for
    if made_for:
        return trace_of(made_for[0])
    header = headers.get(b"traceparent")
    return None if header is None else read_context(header, headers.get(b"tracestate"))


def take_part(context: RequestContext, trace: TraceContext, spans: Spans | None = None) -> None:
    traced = TRACED.of(context)
    traced.trace, traced.spans = trace, spans
    context.call.metadata = trace.metadata
    context.request = context.request._replace(more_ids={"trace_id": trace.trace_id})
    if not context.request.made_for:
        context.response.headers.append((b"x-trace-id", trace.trace_id.encode()))
