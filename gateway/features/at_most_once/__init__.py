"""At most once: a change with an `Idempotency-Key` is made once, however often it is sent."""

from gateway.features.at_most_once.feature import AtMostOnce

__all__ = ["AtMostOnce"]
