"""The catalog as an OpenAPI document: `/openapi.json` and `/openapi.yaml`."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import ClassVar

from starlette.routing import Route

from gateway.core.pipeline.guard import Guarded
from gateway.core.pipeline.routing import PAGE_VERBS
from gateway.feature import Feature, public
from gateway.features.openapi.documents import FORMATS, Documents
from gateway.features.openapi.parts import Parts


class Openapi(Feature):
    name = "openapi"
    shows: ClassVar[Mapping[str, str]] = {"/openapi.json": "has all methods", "/openapi.yaml": ""}

    def routes(self) -> Iterable[Route]:
        gateway, settings = self.gateway, self.gateway.settings
        if settings.docs == "off":
            return
        documents = Documents(
            gateway.live,
            Parts(map(type, gateway.features)),
            closed=settings.unknown_fields != "ignore",
            timeout=settings.http_timeout,
        )
        readers = gateway.page_interceptors(public=settings.docs == "public")
        for path in FORMATS:
            app = Guarded(readers, partial(documents.send, path))
            yield public(Route(path, app, methods=PAGE_VERBS))
