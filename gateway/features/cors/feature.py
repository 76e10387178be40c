"""CORS: the web pages of other origins that may call the gateway."""

from collections.abc import Iterable, Sequence
from typing import Any

from starlette.middleware import Middleware

from gateway.core.settings.model import Strict
from gateway.feature import Feature
from gateway.features.cors.middleware import CorsMiddleware
from gateway.features.cors.settings import CorsSettings


class Cors(Feature):
    name = "cors"

    @classmethod
    def section(cls, added: Sequence[Any]) -> type[Strict]:
        return CorsSettings

    def middleware(self) -> Iterable[Middleware]:
        settings = self.gateway.settings.section(CorsSettings)
        if not settings.cors_origins:
            return ()
        origins, more = settings.cors_origins, settings.cors_headers
        known = self.gateway.headers
        return (Middleware(CorsMiddleware, origins=origins, known=known, more=more),)
