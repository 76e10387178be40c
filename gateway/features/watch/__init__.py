"""Watchers: event streams of reads (`_every`, `_until`), how many, and what each is sent."""

from gateway.features.watch.feature import Watch

__all__ = ["Watch"]
