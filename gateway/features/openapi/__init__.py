"""The catalog as an OpenAPI document."""

from gateway.features.openapi.feature import Openapi

__all__ = ["Openapi"]
