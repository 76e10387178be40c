"""Conditional reads: ETags, 304, and waiting for a change."""

from gateway.features.conditional.feature import Conditional

__all__ = ["Conditional"]
