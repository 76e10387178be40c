"""Batches: many calls in a request."""

from gateway.features.batch.feature import Batch

__all__ = ["Batch"]
