"""How often each client may call (429), counted here or among several gateways."""

from gateway.features.rate_limits.feature import RateLimits

__all__ = ["RateLimits"]
