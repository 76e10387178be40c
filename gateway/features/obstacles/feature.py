"""Obstacles: a change that Cuebot refused is answered with what is in its way."""

from collections.abc import Iterable

from gateway.core.pipeline.interceptors import Interceptor
from gateway.feature import Feature
from gateway.features.obstacles.interceptor import ObstacleReader


class Obstacles(Feature):
    name = "obstacles"

    def interceptors(self) -> Iterable[Interceptor]:
        return (ObstacleReader(),)
