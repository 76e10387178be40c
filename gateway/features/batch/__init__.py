"""Many calls in one request (`/batch`)."""

from gateway.features.batch.feature import Batch

__all__ = ["Batch"]
