"""The caller's name where Cuebot records who has done something."""

from gateway.features.identity.feature import Identity

__all__ = ["Identity"]
