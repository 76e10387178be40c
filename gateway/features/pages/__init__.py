"""The page of the farm at `/`, and Swagger UI at `/docs`."""

from gateway.features.pages.feature import Pages

__all__ = ["Pages"]
