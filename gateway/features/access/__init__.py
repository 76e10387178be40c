"""Access rules: which methods a token may call."""

from gateway.features.access.feature import Access

__all__ = ["Access"]
