"""Rate limits: how often each client may call."""

from gateway.features.rate_limits.feature import RateLimits

__all__ = ["RateLimits"]
