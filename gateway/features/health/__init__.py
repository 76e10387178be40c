"""`/healthz`, `/readyz`, and the state of the gateway in `/status.json`."""

from gateway.features.health.feature import Health

__all__ = ["Health"]
