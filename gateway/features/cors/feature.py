"""CORS: the web pages of other origins that may call the gateway."""

from collections.abc import Iterable

from starlette.middleware import Middleware

from gateway.feature import Feature
from gateway.features.cors.middleware import CorsMiddleware


class Cors(Feature):
    name = "cors"

    def middleware(self) -> Iterable[Middleware]:
        settings = self.gateway.settings
        if not settings.cors_origins:
            return ()
        origins, more = settings.cors_origins, settings.cors_headers
        known = self.gateway.headers
        return (Middleware(CorsMiddleware, origins=origins, known=known, more=more),)
