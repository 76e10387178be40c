"""`/healthz`: the process lives. `/readyz`: a call would reach Cuebot. Neither needs a token."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from gateway.discovery.refresh import LiveCatalog
from gateway.upstream.open import Cuebot

CONNECT_TIMEOUT = 0.5
"""Seconds to wait for idle connections to be made."""


@dataclass(slots=True)
class Readiness:
    """What a server says about itself to readiness checks."""

    stopping: bool = False
    """Whether it is about to stop."""


def health_routes(live: LiveCatalog, upstream: Cuebot, readiness: Readiness) -> list[Route]:
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
        state = {
            "status": "ok" if ready else "stopping" if stopping else "unavailable",
            "cuebot": "reachable" if usable else "unreachable",
            **({"endpoints": {"usable": usable, "of": number}} if number > 1 else {}),
            "schema": schema,
            **({"schemas": "differ"} if live.others else {}),
            **({"refresh": "failing"} if catalog is not None and live.problem else {}),
        }
        return JSONResponse(state, 200 if ready else 503)

    return [Route("/healthz", healthz), Route("/readyz", readyz)]
