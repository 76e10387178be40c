"""What a feature may be: the methods of `Feature` that it overrides, and nothing else.

A feature is a folder in `gateway/features/` and a line in `FEATURES`. It imports from
`gateway.core` and from the features that it needs. `docs/architecture.md` has the stages that it
attaches to.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from starlette.middleware import Middleware
from starlette.routing import Route

from gateway.core.gateway import Gateway
from gateway.core.pipeline.exchange import Exchange
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.pipeline.options import OptionReader
from gateway.core.profile.documents import Documents
from gateway.core.profile.draft import Draft
from gateway.core.profile.entry_types import Entry
from gateway.core.settings.model import Reloadable, Strict

__all__ = ["Feature", "Gateway", "Interceptor", "public"]


class Feature:
    name: ClassVar[str]
    """That of its folder."""
    needs: ClassVar[tuple[type["Feature"], ...]] = ()
    """The features whose public names it uses."""
    extends: ClassVar[Mapping[type["Feature"], Any]] = {}
    """What it adds to features that it needs, by feature. Of which type, that feature says."""
    tables: ClassVar[type[Entry] | None] = None
    """Its tables of the profile: a model with a field for each."""

    documents: ClassVar[type[Documents] | None] = None
    """The documents whose names and calls are served beside Cuebot's. One feature has them."""
    not_a_field: ClassVar[Mapping[str, str]] = {}
    """How to ask for it (`; send …`), by names of fields by which people try to: their letters, in
    lower case.
    """

    @classmethod
    def section(cls, added: Sequence[Any]) -> type[Strict] | None:
        """Its section of the settings: a model with a field for each. `added` is what those who
        extend it add.
        """
        return None

    @staticmethod
    def compile(draft: Draft) -> None:
        """Add aspects to the methods of a catalog that is being built, after the features that it
        needs. Without I/O: called in any thread, and in other processes.
        """

    def __init__(self, gateway: Gateway) -> None:
        """At startup, in the order of `FEATURES`. Raises ConfigurationError."""
        self.gateway = gateway

    def interceptors(self) -> Iterable[Interceptor]:
        """What crosses all requests, in this place of the order."""
        return ()

    def options(self) -> Iterable[OptionReader]:
        """What it reads of query strings, before the features that it needs read theirs."""
        return ()

    def exchanges(self) -> Iterable[Exchange]:
        """Ways of asking for a call. Called when `gateway.pipeline` is there."""
        return ()

    def middleware(self) -> Iterable[Middleware]:
        """ASGI middleware around routes and methods, inside the context of a request."""
        return ()

    def routes(self) -> Iterable[Route]:
        """Pages of its own. They need a token, and count against the rate limit, unless they are
        `public`. Called when `gateway.pipeline` is there.
        """
        return ()

    def reloadables(self) -> Iterable[Reloadable]:
        """What SIGHUP reads again."""
        return ()

    def numbers(self) -> Mapping[tuple[str, ...], float]:
        """Its metrics: values by name and labels."""
        return {}

    def status(self) -> Mapping[str, object]:
        """What `/status.json` shows of it to those who may see the state of the gateway."""
        return {}

    def observe(self, lag: float) -> None:
        """Called 20 times a second, with the seconds that the event loop is behind."""

    async def run(self) -> None:
        """Runs from the start of the app until its end, which cancels it."""

    async def first_look(self) -> None:
        """What startup waits for, a few seconds at most."""

    async def close(self) -> None:
        """The end of the app, before `run` is cancelled."""


def public(route: Route) -> Route:
    """The route, for everybody: it needs no token, and has no limit but its own."""
    route.public = True  # type: ignore[attr-defined]
    return route
