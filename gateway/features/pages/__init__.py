"""Health checks, the page at `/`, the documentation."""

from gateway.features.pages.feature import Pages

__all__ = ["Pages"]
