"""What of an object is in the way of a change that Cuebot refused."""

from gateway.features.obstacles.feature import Obstacles

__all__ = ["Obstacles"]
