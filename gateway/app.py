"""The assembly: settings and features become one ASGI app."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeVar

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.core.assembly import pipeline_of
from gateway.core.direct_connection import Refused
from gateway.core.errors import ConfigurationError
from gateway.core.gateway import Gateway as Core
from gateway.core.loop_lag import watch_lag
from gateway.core.pipeline.guard import Guarded
from gateway.core.pipeline.middleware import ContextMiddleware, report_refused
from gateway.core.pipeline.routing import PAGE_ALLOWS, Routing, wrong_verb
from gateway.core.processes import Worker
from gateway.core.routes import routes_of
from gateway.core.settings import reach
from gateway.core.settings.model import Reloadable, Settings
from gateway.core.starting import added, starting
from gateway.feature import Feature, identify_callers
from gateway.features import FEATURES
from gateway.features.catalog import COMPOSITION, further_ports

log = structlog.stdlib.get_logger("gateway")

OneFeature = TypeVar("OneFeature", bound=Feature)
STARTUP_WAIT_SECONDS = 5.0
"""How long startup waits for an identity provider's keys and for the shared store."""


class Gateway(Starlette):
    def __init__(
        self, core: Core, report_refused: Callable[[Refused], None], **options: Any
    ) -> None:
        super().__init__(**options)
        self.parts = core
        self.report_refused = report_refused
        """Called for each request that the server refuses before the app sees it."""
        self.further_apps: Sequence[ASGIApp] = ()
        """What is served at the ports of `further_ports`, in their order."""
        self.problem = ""
        """Why the startup has failed, if a feature is to blame that it waits for."""

    def feature(self, kind: type[OneFeature]) -> OneFeature:
        """Raises StopIteration without it."""
        return next(each for each in self.parts.features if isinstance(each, kind))

    @property
    def reloadable(self) -> tuple[Reloadable, ...]:
        of_features = added(self.parts.features, "reloadables")
        return (*of_features, self.parts.reloadable_catalog())

    @property
    def answer(self) -> ASGIApp:
        """`__call__`, without a coroutine of its own that lasts as long as the request.

        Other servers look whether `__call__` is a coroutine function.
        """
        if self.middleware_stack is None:
            self.middleware_stack = self.build_middleware_stack()
        return self.middleware_stack

    def build_middleware_stack(self) -> ASGIApp:
        """Starlette's router and middleware, without its ServerErrorMiddleware."""
        app: ASGIApp = ExceptionMiddleware(self._serve_page, self.exception_handlers)
        for layer in reversed(self.user_middleware):
            app = layer.cls(app, *layer.args, **layer.kwargs)
        return app

    def _serve_page(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Pages and other paths that are no methods."""
        scope["app"] = self  # for Starlette's errors
        if scope["type"] == "lifespan":
            send = partial(self._send_of_lifespan, send)
        return self.router(scope, receive, send)

    async def _send_of_lifespan(self, send: Send, message: Message) -> None:
        """Of a failed startup, Starlette has a traceback."""
        if self.problem and message["type"] == "lifespan.startup.failed":
            message = {**message, "message": self.problem}
        await send(message)


def create_app(
    settings: Settings,
    worker: Worker | None = None,
    *,
    features: Sequence[type[Feature]] = FEATURES,
    reached_at: tuple[str, ...] | None = None,
) -> Gateway:
    """Raises ConfigurationError.

    `reached_at`: what makes other machines reach the gateway; by default, what the settings say.
    """
    if reached_at is None:
        reached_at = reach.reached_at(settings, further_ports(settings))
    core = Core(settings=settings, composition=COMPOSITION, worker=worker, reached_at=reached_at)
    if not identify_callers(features):
        reach.check_open(settings, reached_at)
        log.warning(reach.OPEN)
    core.features = tuple(constructed(each, core) for each in features)
    core.pipeline = pipeline_of(core)
    interceptors, methods = core.pipeline.interceptors, core.pipeline.methods
    routes = [guarded(route, core) for route in routes_of(core.features)]
    context = Middleware(
        ContextMiddleware,
        interceptors=interceptors,
        client_of=core.client_of,
        surface_of=core.surface_of,
        codings=core.codings,
    )
    allows = [(each.path_regex, getattr(each.app, "allows", PAGE_ALLOWS)) for each in routes]
    app = Gateway(
        core,
        partial(report_refused, core.client_of, interceptors),
        routes=routes,
        middleware=[  # the outermost first
            context,
            *added(core.features, "middleware"),
            Middleware(Routing, live=core.live, methods=methods, allows=allows),
        ],
        exception_handlers={405: wrong_verb},
        lifespan=lifespan,
    )
    app.further_apps = [*added(core.features, "apps", context)]
    app.router.redirect_slashes = False
    app.router.default = methods  # neither a page nor a known method
    return app


def constructed(feature: type[Feature], core: Core) -> Feature:
    with starting(feature.name, "__init__"):
        return feature(core)


def guarded(route: Route, core: Core) -> Route:
    if not getattr(route, "public", False):
        route.app = Guarded(core.page_interceptors(), route.app)
    return route


@asynccontextmanager
async def lifespan(app: Gateway) -> AsyncIterator[None]:
    core, features = app.parts, app.parts.features
    tasks = asyncio.gather(
        core.live.run(),
        core.upstream.watch(core.live),
        watch_lag([each.observe for each in features if is_overridden(each, "observe")]),
        *(() if core.store is None else (core.store.keep(),)),
        *(run(each) for each in features if is_overridden(each, "run")),
        return_exceptions=True,
    )
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(STARTUP_WAIT_SECONDS):
                for each in features:
                    with starting(each.name, "first_look"):
                        await each.first_look()
                if core.store is not None:
                    await core.store.first_look()
        yield
    except ConfigurationError as error:
        app.problem = str(error)
        raise
    finally:
        for each in features:
            await each.close()
        tasks.cancel()
        with suppress(asyncio.CancelledError):
            await tasks
        await core.planner.close()
        await core.upstream.close()


async def run(feature: Feature) -> None:
    """As long as it runs. The gateway goes on without it."""
    try:
        await feature.run()
    except Exception:
        log.exception("a feature has stopped working", feature=feature.name)


def is_overridden(feature: Feature, name: str) -> bool:
    return getattr(type(feature), name) is not getattr(Feature, name)
