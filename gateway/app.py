"""The whole gateway as one Starlette app: what is built at startup, and in which order."""

import asyncio
from collections.abc import AsyncIterator, Callable, Container
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.access.limits import MemoryLimiter, RateLimit, Rates
from gateway.access.tokens import Authentication, Authenticator, load_secrets, refuse, rules_of
from gateway.compat.profile import load_profile
from gateway.discovery.endpoints import reflection_of
from gateway.discovery.factory import choose_source
from gateway.discovery.refresh import LiveCatalog
from gateway.errors import Code, GatewayError
from gateway.http.cors import Cors
from gateway.http.exchange import ExchangeMiddleware
from gateway.http.preflight import PAGE_ALLOWS, Options
from gateway.http.proxies import Forwarded
from gateway.http.unary import Transcoder
from gateway.observe.logs import log_access
from gateway.openapi.live import LiveDocument
from gateway.pages.content import Content
from gateway.pages.documents import document_apps
from gateway.pages.health import health_routes
from gateway.pages.routes import page_routes
from gateway.pages.status import status_app
from gateway.schema.selection import selection_of
from gateway.settings.model import Settings
from gateway.settings.reload import catalog_part, limits_part, secrets_part
from gateway.upstream.balancer import Cuebot, open_upstream

Count = Callable[[ASGIApp], ASGIApp]
"""Puts an app behind the rate limits; a client has one bucket for all such apps."""


def create_app(settings: Settings) -> Starlette:
    """The gateway. To be called inside the event loop that will run it.

    Raises ConfigurationError when the settings cannot work. Its state has: `live`, the catalog,
    which is looked for from the app's startup on; `parts`, what a reload can change; `stopping`,
    which a server sets when it is about to end.
    """
    secrets = load_secrets(settings)
    upstream = open_upstream(settings)
    live = LiveCatalog(
        choose_source(settings.descriptor_source, reflection_of(upstream)),
        selection_of(settings),
        load_profile(settings.compat_profile),
        every=settings.reflection_refresh,
    )
    authenticator = Authenticator(secrets, rules_of(settings))
    limiter, rates = MemoryLimiter(), Rates(settings)

    def count(app: ASGIApp) -> ASGIApp:
        return RateLimit(app, limiter=limiter, rates=rates)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        tasks = [
            asyncio.create_task(live.run()),
            asyncio.create_task(upstream.watch(live.look_again)),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await upstream.close()

    methods = guard(Transcoder(settings, live, upstream), authenticator, count)
    readable: set[str] = set()
    app = Gateway(
        live,
        methods,
        routes=health_routes(live, upstream),
        middleware=layers(settings, readable),
        exception_handlers={405: wrong_verb},
        lifespan=lifespan,
    )
    if settings.docs != "off":
        app.router.routes += pages(
            settings, methods, readable, live, upstream, authenticator, count
        )
    readable |= {route.path for route in app.routes if isinstance(route, Route)}
    app.state.stopping = False
    app.state.parts = (
        secrets_part(authenticator),
        limits_part(rates),
        catalog_part(live),
    )
    return app


def pages(
    settings: Settings,
    methods: ASGIApp,
    served: Container[str],
    live: LiveCatalog,
    upstream: Cuebot,
    authenticator: Authenticator,
    count: Count,
) -> list[Route]:
    """The routes of the documentation and the farm page. `served` are, in the end, all pages."""

    def protect(data: ASGIApp) -> ASGIApp:
        return count(data) if settings.docs == "public" else guard(data, authenticator, count)

    patience = settings.http_timeout
    document = LiveDocument[Content](live, closed=settings.unknown_fields != "ignore")
    endpoints = [each.endpoint for each in upstream.endpoints]
    return page_routes(
        {
            **document_apps(document, patience),
            "/status.json": status_app(live, upstream, endpoints, served, patience),
        },
        docs=settings.docs,
        protect=protect,
        count=count,
        otherwise=methods,
        patience=patience,
    )


class Gateway(Starlette):
    """Starlette's app, but for requests to methods: those are found with one look-up.

    They go through the same layers, and past the router and what Starlette has around it.
    """

    def __init__(
        self, live: LiveCatalog, methods: ASGIApp, *, middleware: list[Middleware], **options: Any
    ) -> None:
        super().__init__(middleware=middleware, **options)
        self.router.redirect_slashes = False
        self.router.default = methods  # for what is neither a page nor a known method
        self.state.live = self._live = live
        self._methods = methods
        for layer in reversed(middleware):
            self._methods = layer.cls(self._methods, *layer.args, **layer.kwargs)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        catalog = self._live.current
        if catalog is not None and scope.get("path") in catalog.routes:
            await self._methods(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def layers(settings: Settings, pages: Container[str]) -> list[Middleware]:
    """What every request goes through, the outermost first. `pages` are paths to be read."""
    layers = [Middleware(ExchangeMiddleware, report=log_access)]
    if settings.forwarded_allow_ips:
        layers.insert(0, Middleware(Forwarded, trusted=settings.forwarded_allow_ips))
    if settings.cors_origins:
        origins, headers = settings.cors_origins, settings.cors_headers
        layers.append(Middleware(Cors, origins=origins, headers=headers))
    return [*layers, Middleware(Options, pages=pages)]


def guard(app: ASGIApp, authenticator: Authenticator, count: Count) -> ASGIApp:
    """The app behind authentication and rate limits; refused requests are counted too."""
    return Authentication(count(app), authenticator=authenticator, refused=count(refuse))


async def wrong_verb(request: Request, error: Exception) -> Response:
    """In the one JSON shape, the only refusal of Starlette's own: that of a page."""
    raise GatewayError(
        Code.UNIMPLEMENTED,
        f"{request.method} is not for {request.url.path}; use GET",
        status=405,
        headers={"Allow": PAGE_ALLOWS},
    )
