"""`/panels.json`: what the page at `/` shows of the farm, as far as the reader may call it."""

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.discovery.refresh import LiveCatalog
from gateway.http.context import context_of
from gateway.pages.content import Content
from gateway.schema.catalog import no_schema


def panels_app(live: LiveCatalog, *, timeout: float) -> ASGIApp:
    """The app. Raises GatewayError while there is no catalog."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        catalog, caller = live.current, context_of(scope).caller
        if catalog is None:
            raise no_schema()
        assert caller is not None
        panels = catalog.panels.for_reader(caller.rule.allowed(catalog))
        content = Content.of(orjson.dumps(panels), "application/json")
        await content.send(scope, send, timeout)

    return app
