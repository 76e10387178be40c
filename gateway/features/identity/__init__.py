"""The caller's name in requests, where Cuebot records who has done something (`IDENTITY`)."""

from gateway.features.identity.feature import Identity

__all__ = ["Identity"]
