"""`/metrics` for Prometheus: counts and durations."""

from gateway.features.metrics.feature import Metrics

__all__ = ["Metrics"]
