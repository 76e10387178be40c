"""What the gateway says of itself.

`/healthz`: the process lives. `/readyz`: a call would be answered by Cuebot. Neither needs a token.
`/status.json`: Cuebot, its schema as far as the reader may use it, and the links that the farm page
shows.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import __version__
from gateway.discovery.refresh import LiveCatalog
from gateway.http.exchange import exchange_of
from gateway.pages.content import Content
from gateway.upstream.open import Cuebot

CONNECT_TIMEOUT = 0.5
"""Seconds to wait for idle connections to be made."""
LINKS = ("/docs", "/openapi.json", "/openapi.yaml")
"""Served whenever the farm page is."""


@dataclass(slots=True)
class Readiness:
    """What a server says about itself to readiness checks."""

    stopping: bool = False
    """Whether it is about to stop."""


def health_routes(
    live: LiveCatalog,
    upstream: Cuebot,
    readiness: Readiness,
    store_is_away: Callable[[], bool],
) -> list[Route]:
    """The two routes, for Starlette."""

    async def healthz(request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> JSONResponse:
        catalog = live.current
        usable = await upstream.usable(CONNECT_TIMEOUT)
        number, stopping = len(upstream.endpoints), readiness.stopping
        ready = catalog is not None and usable and not stopping
        schema = "none"
        if catalog is not None:
            schema = "confirmed" if catalog.schema.confirmed else "assumed"
        cuebot = "reachable"
        if not usable:
            hanging = any(each.ready and each.hanging for each in upstream.endpoints)
            cuebot = "hanging" if hanging else "unreachable"
        asked = () if usable else upstream.endpoints
        reasons = await asyncio.gather(*(each.trouble() for each in asked))
        if catalog is None:
            reasons += live.unmatched
        reason = "; ".join(dict.fromkeys(filter(None, reasons)))
        state = {
            "status": "ok" if ready else "stopping" if stopping else "unavailable",
            "cuebot": cuebot,
            **({"reason": reason} if reason else {}),
            **({"endpoints": {"usable": usable, "of": number}} if number > 1 else {}),
            "schema": schema,
            **({"schemas": "differ"} if live.others else {}),
            **({"unmatched": live.unmatched} if live.unmatched else {}),
            **({"refresh": "failing"} if catalog is not None and live.problem else {}),
            **({"store": "away"} if store_is_away() else {}),
        }
        return JSONResponse(state, 200 if ready else 503)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


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
        caller = exchange_of(scope).caller
        if catalog is not None and caller is not None:
            allowed = caller.rule.allowed(catalog)
            served = [method for method in catalog.methods if method.path in allowed]
            status["schema"] = {
                "source": catalog.schema.origin,
                "confirmed": catalog.schema.confirmed,
                "digest": catalog.schema.digest,
                "lookedAt": f"{datetime.fromtimestamp(live.looked_at, UTC):%Y-%m-%dT%H:%M:%SZ}",
                "interfaces": len({method.service for method in served}),
                "methods": len(served),
                "skipped": [skip.service for skip in catalog.skipped],
                "different": [name for each in live.others for name in each.endpoints],
            }
        content = Content.of(orjson.dumps(status), "application/json")
        await content.send(scope, send, timeout)

    return app
