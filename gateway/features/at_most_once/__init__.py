"""`Idempotency-Key`: a change is made once, however often the same key comes."""

from gateway.features.at_most_once.feature import AtMostOnce

__all__ = ["AtMostOnce"]
