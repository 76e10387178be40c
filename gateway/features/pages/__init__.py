"""The page at `/`, and the documentation."""

from gateway.features.pages.feature import Pages

__all__ = ["Pages"]
