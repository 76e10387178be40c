"""Health: `/healthz`, `/readyz` and `/status.json`."""

from collections.abc import Iterable

from starlette.routing import Route

from gateway.core.pipeline.guard import Guarded
from gateway.core.pipeline.routing import PAGE_VERBS
from gateway.feature import Feature, public
from gateway.features.health.status import health_routes, status_app


class Health(Feature):
    name = "health"
    openapi = "openapi.yaml"

    def routes(self) -> Iterable[Route]:
        gateway, settings = self.gateway, self.gateway.settings
        yield from map(
            public, health_routes(gateway.live, gateway.upstream, gateway.readiness, gateway.store)
        )
        if settings.docs != "off":
            app = status_app(gateway, timeout=settings.http_timeout)
            guarded = Guarded(gateway.page_interceptors(public=settings.docs == "public"), app)
            yield public(Route("/status.json", guarded, methods=PAGE_VERBS))
