"""Health checks and the status.

`/healthz`: the process is alive. `/readyz`: Cuebot would answer a call. Neither needs a token.
`/status.json`: Cuebot, the schema as far as the reader may use it, and links, for the farm page.
Hosts, paths and services are only for readers whose access rule has `status`.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import __version__
from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.errors import Cause
from gateway.core.gateway import Gateway
from gateway.core.pipeline.content import Content
from gateway.core.pipeline.context import context_of
from gateway.core.readiness import Readiness
from gateway.core.shared_store import Link
from gateway.core.suggestions import DID_YOU_MEAN
from gateway.core.upstream.cuebot import Cuebot
from gateway.core.upstream.endpoint import Endpoint
from gateway.features.health.reasons import WORDS

CONNECT_TIMEOUT_SECONDS = 0.5
"""For idle connections."""
PRIVATE = ("endpoints", "states", "source", "skipped", "features", "load", "refused")
"""Fields of the status that name hosts, paths and services, or tell what the gateway is made of and
how busy it is.
"""
PROBLEM = "the schema could not be read; the gateway's log tells why"


def health_routes(
    live: LiveCatalog,
    upstream: Cuebot,
    readiness: Readiness,
    store: Link | None,
) -> list[Route]:
    async def healthz(request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok"})

    async def readyz(request: Request) -> JSONResponse:
        catalog = live.current
        usable = await upstream.usable(CONNECT_TIMEOUT_SECONDS)
        number, stopping = len(upstream.endpoints), readiness.stopping
        ready = catalog is not None and usable and not stopping
        schema = "none"
        if catalog is not None:
            schema = "confirmed" if catalog.schema.confirmed else "assumed"
        cuebot = "reachable"
        if not usable:
            unresponsive = any(each.ready and each.unresponsive for each in upstream.endpoints)
            cuebot = "hanging" if unresponsive else "unreachable"
        asked = () if usable else upstream.endpoints
        reasons = await asyncio.gather(*(each.trouble() for each in asked))
        unmatched = [each.partition(DID_YOU_MEAN)[0] for each in live.globs.unmatched]
        if catalog is None:
            reasons += unmatched
        reason = "; ".join(dict.fromkeys(filter(None, reasons)))
        state = {
            "status": "ok" if ready else "stopping" if stopping else "unavailable",
            "cuebot": cuebot,
            **({"reason": reason} if reason else {}),
            **({"endpoints": {"usable": usable, "of": number}} if number > 1 else {}),
            "schema": schema,
            **({"unmatched": unmatched} if unmatched else {}),
            **({"refresh": "failing"} if catalog is not None and live.history.problem else {}),
            **({"store": "away"} if store is not None and not store.up else {}),
        }
        return JSONResponse(state, 200 if ready else 503)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]


async def state_of(endpoint: Endpoint) -> dict[str, object]:
    """Whether an endpoint answers, and if not, why; how long its last calls took."""
    hangs = endpoint.ready and endpoint.unresponsive
    state = "hangs" if hangs else "answers" if endpoint.ready else "away"
    reason = "" if state == "answers" else await endpoint.trouble()
    latency = endpoint.latency
    return {
        "endpoint": endpoint.endpoint,
        "state": state,
        "reason": reason,
        "latency": latency
        and {
            "calls": latency.calls,
            "medianMs": round(latency.median * 1000, 1),
            "p99Ms": round(latency.p99 * 1000, 1),
        },
    }


def utc(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%SZ}"


def status_app(gateway: Gateway, *, timeout: float) -> ASGIApp:
    live, upstream, refusals = gateway.live, gateway.upstream, gateway.refusals
    features, started_at = gateway.features, utc(time.time())
    words: dict[Cause, str] = dict(WORDS.items())
    for each in features:
        words |= each.refusals | each.other_refusals

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        catalog, context = live.current, context_of(scope)
        caller = context.caller
        assert caller is not None
        cuebot: dict[str, object] = {
            "endpoints": [each.endpoint for each in upstream.endpoints],
            "of": len(upstream.endpoints),
            "usable": await upstream.usable(CONNECT_TIMEOUT_SECONDS),
            "states": await asyncio.gather(*map(state_of, upstream.endpoints)),
        }
        schema: dict[str, object] | None = None
        if catalog is not None:
            allowed = caller.rights.allowed(catalog)
            served = [method for method in catalog.methods if method.path in allowed]
            schema = {
                "source": catalog.schema.origin,
                "confirmed": catalog.schema.confirmed,
                "digest": catalog.schema.digest,
                "lookedAt": utc(live.history.looked_at),
                "changedAt": utc(live.history.changed_at),
                "interfaces": len({method.service for method in served}),
                "methods": len(served),
                "skipped": [skip.service for skip in catalog.absent.skipped],
            }
        status: dict[str, object] = {
            "version": __version__,
            "cuebot": cuebot,
            "schema": schema,
            "problem": live.history.problem,
            "features": [each.name for each in features],
            **{name: part for each in features for name, part in each.status().items()},
            "refused": {
                "startedAt": started_at,
                "sinceStart": refusals.since_start,
                "lastMinute": refusals.recent(),
                "words": {each: words[each] for each in refusals.since_start if each in words},
            },
            "links": sorted(gateway.shown()),
        }
        if context.subject is None or not caller.rights.shows_status:
            status = for_everybody(status)
        content = Content(orjson.dumps(status), "application/json")
        await content.send(scope, send, timeout)

    return app


def for_everybody(status: Mapping[str, Any]) -> dict[str, object]:
    """The status without PRIVATE, and without the text of a problem, which names a path."""
    cuebot, schema = status["cuebot"], status["schema"]
    return {
        **{name: status[name] for name in status if name not in PRIVATE},
        "cuebot": {name: cuebot[name] for name in cuebot if name not in PRIVATE},
        "schema": schema and {name: schema[name] for name in schema if name not in PRIVATE},
        "problem": PROBLEM if status["problem"] else "",
    }
