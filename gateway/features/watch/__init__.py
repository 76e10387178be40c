"""Event streams: reads that are watched."""

from gateway.features.watch.feature import Watch

__all__ = ["Watch"]
