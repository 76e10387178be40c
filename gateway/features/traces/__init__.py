"""Traces: trace contexts of requests, and spans."""

from gateway.features.traces.feature import Traces

__all__ = ["Traces"]
