"""Metrics: counts and durations for Prometheus."""

from gateway.features.metrics.feature import Metrics

__all__ = ["Metrics"]
