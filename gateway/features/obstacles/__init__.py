"""Why Cuebot refused a change: what stands in its way, read from the object."""

from gateway.features.obstacles.feature import Obstacles

__all__ = ["Obstacles"]
