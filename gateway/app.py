"""The whole gateway as one Starlette app: what is built at startup, and in which order."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.auth import Authentication, Authenticator, load_secrets, refuse, rules_of
from gateway.errors import Code, GatewayError
from gateway.exchange import ExchangeMiddleware
from gateway.health import health_routes
from gateway.logs import log_access
from gateway.openapi.live import LiveDocument
from gateway.pages.documents import document_apps
from gateway.pages.routes import page_routes
from gateway.pages.status import status_app
from gateway.ratelimit import MemoryLimiter, RateLimit, Rates
from gateway.schema.choice import choose_source
from gateway.schema.profile import load_profile
from gateway.schema.reflection import ReflectionSource
from gateway.schema.refresh import LiveCatalog
from gateway.schema.selection import Selection
from gateway.settings import Settings
from gateway.transcoder import Transcoder
from gateway.upstream.channel import GrpcUpstream


def create_app(settings: Settings) -> Starlette:
    """The gateway. To be called inside the event loop that will run it.

    Raises ConfigurationError when the settings cannot work. `app.state.live` is the catalog,
    which is looked for from the app's startup on.
    """
    secrets = load_secrets(settings)
    upstream = GrpcUpstream(settings)
    reflection = ReflectionSource(upstream.channel, endpoint=upstream.endpoint)
    live = LiveCatalog(
        choose_source(settings.descriptor_source, reflection),
        Selection(include=settings.include_services, exclude=settings.exclude_services),
        load_profile(settings.compat_profile),
        every=settings.reflection_refresh,
    )
    authenticator = Authenticator(secrets, rules_of(settings))

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

    app = Starlette(
        routes=health_routes(live, upstream),
        middleware=[Middleware(ExchangeMiddleware, report=log_access)],
        exception_handlers={HTTPException: in_our_shape},
        lifespan=lifespan,
    )
    count = counting(settings)
    # Whatever is no route goes here, without a router in between: methods are one look-up.
    app.router.redirect_slashes = False
    app.router.default = guard(Transcoder(settings, live, upstream), authenticator, count)
    if settings.docs != "off":

        def protect(data: ASGIApp) -> ASGIApp:
            return count(data) if settings.docs == "public" else guard(data, authenticator, count)

        def paths() -> Iterator[str]:
            return (route.path for route in app.routes if isinstance(route, Route))

        patience = settings.http_timeout
        document = LiveDocument(live, closed=settings.unknown_fields != "ignore")
        status = status_app(live, upstream, [upstream.endpoint], paths, patience)
        app.router.routes += page_routes(
            {**document_apps(document, patience), "/status.json": status},
            docs=settings.docs,
            protect=protect,
            count=count,
            otherwise=app.router.default,
            patience=patience,
        )
    app.state.live = live
    return app


def counting(settings: Settings) -> Callable[[ASGIApp], ASGIApp]:
    """What puts an app behind the rate limits; a client has one bucket for all such apps."""
    if not settings.rate_limit_rps:
        return lambda app: app
    limiter, rates = MemoryLimiter(), Rates(settings)
    return lambda app: RateLimit(app, limiter=limiter, rates=rates)


def guard(
    app: ASGIApp, authenticator: Authenticator, count: Callable[[ASGIApp], ASGIApp]
) -> ASGIApp:
    """The app behind authentication and rate limits; refused requests are counted too."""
    return Authentication(count(app), authenticator=authenticator, refused=count(refuse))


async def in_our_shape(request: Request, error: Exception) -> Response:
    """Starlette's own refusals (a wrong HTTP method on a route) in the one JSON shape."""
    assert isinstance(error, HTTPException)
    code = Code.UNIMPLEMENTED if error.status_code == 405 else Code.NOT_FOUND
    raise GatewayError(code, error.detail, status=error.status_code, headers=error.headers)
