"""Event streams of reads (`_every`, `_until`): who watches, how many, what has changed."""

from gateway.features.watch.feature import Watch

__all__ = ["Watch"]
