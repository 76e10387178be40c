"""ETags, `If-None-Match` and 304, and waiting for a change (`Prefer: wait`)."""

from gateway.features.conditional.feature import Conditional

__all__ = ["Conditional"]
