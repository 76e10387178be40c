"""`/status.json`: what is connected, for the farm page."""

from collections.abc import Iterable
from datetime import UTC, datetime

import orjson
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import __version__
from gateway.discovery.refresh import LiveCatalog
from gateway.pages.content import Content
from gateway.upstream.interface import Upstream

REACHABLE_WITHIN = 0.5
"""Seconds that the question may take how many of the endpoints can be reached."""
LINKS = ("/docs", "/openapi.json", "/openapi.yaml")
"""Pages worth a link, served whenever this one is."""


def status_app(
    live: LiveCatalog,
    upstream: Upstream,
    endpoints: Iterable[str],
    patience: float,
) -> ASGIApp:
    """The app. `endpoints` are Cuebot's;"""
    addresses = list(endpoints)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        catalog = live.current
        status: dict[str, object] = {
            "version": __version__,
            "cuebot": {
                "endpoints": addresses,
                "usable": await upstream.usable(REACHABLE_WITHIN),
            },
            "schema": None,
            "problem": live.problem,
            "links": LINKS,
        }
        if catalog is not None:
            status["schema"] = {
                "source": catalog.origin,
                "confirmed": catalog.confirmed,
                "digest": catalog.digest,
                "lookedAt": None if live.looked_at is None else iso(live.looked_at),
                "interfaces": len({method.service for method in catalog.methods}),
                "methods": len(catalog.methods),
                "skipped": [skip.service for skip in catalog.skipped],
                "different": [name for each in live.others for name in each.endpoints],
            }
        content = Content.of(orjson.dumps(status), "application/json")
        await content.send(scope, send, patience)

    return app


def iso(seconds: float) -> str:
    """A unix time as RFC 3339 writes it, in UTC."""
    return datetime.fromtimestamp(int(seconds), UTC).isoformat().replace("+00:00", "Z")
