"""Obstacles: a change that Cuebot refused is answered with what is in its way."""

from collections.abc import Iterable

from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.profile.draft import Draft
from gateway.feature import Feature
from gateway.features.obstacles.compile import compile_obstacles
from gateway.features.obstacles.interceptor import ObstacleReader
from gateway.features.obstacles.profile import ObstacleTables


class Obstacles(Feature):
    name = "obstacles"
    tables = ObstacleTables

    @staticmethod
    def compile(draft: Draft) -> None:
        compile_obstacles(draft)

    def interceptors(self) -> Iterable[Interceptor]:
        return (ObstacleReader(),)
