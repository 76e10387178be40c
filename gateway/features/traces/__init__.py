"""Trace contexts of requests (`traceparent`), and spans for OpenTelemetry."""

from gateway.features.traces.feature import Traces

__all__ = ["Traces"]
