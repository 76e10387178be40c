"""CORS: pages of other origins."""

from gateway.features.cors.feature import Cors

__all__ = ["Cors"]
