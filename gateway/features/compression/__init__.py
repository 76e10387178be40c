"""Compression of answers and of request bodies."""

from gateway.features.compression.feature import Compression

__all__ = ["Compression"]
