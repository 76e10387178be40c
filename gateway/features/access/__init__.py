"""Which methods a token may call, by the rules in the settings (403)."""

from gateway.features.access.feature import Access

__all__ = ["Access"]
