"""The page of the farm at `/`, Swagger UI at `/docs`, and what they load."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from starlette.routing import Route

from gateway.core.profile.draft import Draft
from gateway.feature import Feature, public
from gateway.features.batch import Batch
from gateway.features.health import Health
from gateway.features.openapi import Openapi
from gateway.features.pages.fitting_panels import compile_panels
from gateway.features.pages.page_routes import page_routes, panels_app
from gateway.features.pages.panel_tables import PanelTables
from gateway.features.views import Views


class Pages(Feature):
    name = "pages"
    needs = (Batch, Health, Openapi, Views)  # what the page asks, and what panels show
    tables = PanelTables
    shows: ClassVar[Mapping[str, str]] = {"/docs": "shows them in a browser"}  # as openapi has them

    @staticmethod
    def compile(draft: Draft) -> None:
        compile_panels(draft)

    def routes(self) -> Iterable[Route]:
        gateway, settings = self.gateway, self.gateway.settings
        if settings.docs == "off":
            return
        timeout = settings.http_timeout
        routes = page_routes(
            panels_app(gateway.live, timeout=timeout),
            docs=settings.docs,
            readers=gateway.page_interceptors(public=settings.docs == "public"),
            visitors=gateway.page_interceptors(identify=False),
            fallback=gateway.pipeline.methods,
            timeout=timeout,
        )
        yield from map(public, routes)
