"""Which web pages of other origins may call."""

from gateway.features.cors.feature import Cors

__all__ = ["Cors"]
