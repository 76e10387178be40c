"""`/status.json`: Cuebot, its schema and the links that the farm page shows."""

from datetime import UTC, datetime

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import __version__
from gateway.discovery.refresh import LiveCatalog
from gateway.pages.content import Content
from gateway.pages.health import CONNECT_TIMEOUT
from gateway.upstream.open import Cuebot

LINKS = ("/docs", "/openapi.json", "/openapi.yaml")
"""Served whenever the farm page is."""


def status_app(live: LiveCatalog, upstream: Cuebot, *, timeout: float) -> ASGIApp:
    """The app that serves the status."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        catalog = live.current
        status: dict[str, object] = {
            "version": __version__,
            "cuebot": {
                "endpoints": [each.endpoint for each in upstream.endpoints],
                "usable": await upstream.usable(CONNECT_TIMEOUT),
            },
            "schema": None,
            "problem": live.problem,
            "links": LINKS,
        }
        if catalog is not None:
            status["schema"] = {
                "source": catalog.schema.origin,
                "confirmed": catalog.schema.confirmed,
                "digest": catalog.schema.digest,
                "lookedAt": f"{datetime.fromtimestamp(live.looked_at, UTC):%Y-%m-%dT%H:%M:%SZ}",
                "interfaces": len({method.service for method in catalog.methods}),
                "methods": len(catalog.methods),
                "skipped": [skip.service for skip in catalog.skipped],
                "different": [name for each in live.others for name in each.endpoints],
            }
        content = Content.of(orjson.dumps(status), "application/json")
        await content.send(scope, send, timeout)

    return app
