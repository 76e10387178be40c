"""Health: whether the gateway can serve, and its state."""

from gateway.features.health.feature import Health

__all__ = ["Health"]
