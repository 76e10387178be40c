"""What a feature may be: the methods of `Feature` that it overrides, and nothing else.

A feature is a folder in `gateway/features/` and a line in `FEATURES`. It imports from
`gateway.core` and from the features that it needs. `docs/architecture.md` has the stages that it
attaches to. A studio's own is a package that names it: `docs/features.md` has what is promised to
those.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any, ClassVar

from starlette.middleware import Middleware
from starlette.routing import Route
from starlette.types import ASGIApp

from gateway.core.calls.direct import DirectCalls
from gateway.core.errors import Code, GatewayError, OwnCause, unavailable
from gateway.core.families import Family, counter, gauge, histogram
from gateway.core.findings import Findings
from gateway.core.gateway import Composition, Gateway
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.exchange import Exchange
from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.pipeline.options import OptionReader
from gateway.core.principal import Signer
from gateway.core.processes import Port
from gateway.core.profile.documents import Documents
from gateway.core.profile.draft import Draft
from gateway.core.profile.entry_types import Entry
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.method import Method
from gateway.core.settings.model import Reloadable, Settings, Strict

__all__ = [
    "Code",
    "Feature",
    "Gateway",
    "GatewayError",
    "HeaderNames",
    "Interceptor",
    "OwnCause",
    "RequestContext",
    "Strict",
    "counter",
    "gauge",
    "histogram",
    "public",
    "unavailable",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a feature says of a method in the OpenAPI document."""

    sentences: tuple[str, ...] = ()
    """In Markdown, about requests and answers."""
    extensions: Mapping[str, object] = field(default_factory=dict)
    """More of the operation, by names that begin with `x-`."""
    fields: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """More of the schemas of fields in answers, by the full name of the field."""


class Feature:
    name: ClassVar[str]
    """That of its folder."""
    needs: ClassVar[tuple[type["Feature"], ...]] = ()
    """The features whose public names it uses."""
    identifies: ClassVar[bool] = False
    """Whether an interceptor of it identifies callers (`identify_callers`)."""
    extends: ClassVar[Mapping[type["Feature"], Any]] = {}
    """What it adds to features that it needs, by feature. Of which type, that feature says."""
    commands: ClassVar[Mapping[str, str]] = {}
    """Its commands of `cuebot-gateway`: by name, the module that has it, which is imported when it
    is asked for. Such a module may import from `gateway_cli`.
    """
    after: ClassVar[str] = ""
    before: ClassVar[str] = ""
    """For a feature of an installed package: the name of the one that it comes right after, or
    right before. By default it comes last.
    """
    explains: ClassVar[str] = ""
    """The module whose `explain` says what its rules decide about a token (`check --as`); as those
    of `commands`.
    """
    tables: ClassVar[type[Entry] | None] = None
    """Its tables of the profile: a model with a field for each."""
    families: ClassVar[tuple[Family, ...]] = ()
    """Its metrics, whose values are its `numbers`. Where two have a name, it means the same."""
    headers: ClassVar[HeaderNames] = HeaderNames()
    """What it reads of requests, and adds to answers."""
    direct: ClassVar[DirectCalls] = DirectCalls()
    """What it offers to calls straight to Cuebot, which commands make without a gateway."""
    refusals: ClassVar[Mapping[OwnCause, str]] = {}
    """Its own reasons (`GatewayError.cause`) to turn a request away, which `shed_total` counts, and
    what people are told of them. No other feature has them.
    """
    other_refusals: ClassVar[Mapping[OwnCause, str]] = {}
    """Reasons that it counts itself, in its `families`."""
    reads: ClassVar[tuple[str, ...]] = ()
    """Words for what it lets callers read beside Cuebot's methods, as access rules name it: see
    `Rights.reads`.
    """
    shows: ClassVar[Mapping[str, str]] = {}
    """Its pages for people, where there are pages (DOCS): by path, what each does for those who ask
    for a path that there is not (`has all methods`); nothing for one that is only linked.
    """
    openapi: ClassVar[str] = ""
    """A YAML file beside this class: its part of the OpenAPI document, with the same names as in
    `gateway/features/openapi/openapi.yaml`.
    """
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

    @classmethod
    def signer(cls, settings: Settings) -> Signer | None:
        """What signs tokens that the gateway accepts, for the commands that call it; None if it
        cannot. Raises ConfigurationError.
        """
        return None

    facts: ClassVar[Mapping[str, object]] = {}
    """What `check` tells of it as JSON: names, and what they are until it is known."""

    @classmethod
    async def check(cls, settings: Settings, composition: Composition, found: Findings) -> None:
        """Look for mistakes in its settings, and in what they name, before anything is served."""

    @classmethod
    def check_catalog(
        cls, settings: Settings, composition: Composition, catalog: Catalog, found: Findings
    ) -> None:
        """Look for mistakes in its settings that only a catalog shows."""

    @staticmethod
    def compile(draft: Draft) -> None:
        """Add aspects to the methods of a catalog that is being built, after the features that it
        needs. Without I/O: called in any thread, and in other processes.
        """

    @staticmethod
    def ports(settings: Settings) -> Sequence[Port]:
        """Ports of its own, which are listened on before it is constructed."""
        return ()

    @staticmethod
    def describe(method: Method, listed: Container[str]) -> Description:
        """What the OpenAPI document says of a method. It may name methods with `listed` paths."""
        return Description()

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

    def apps(self, outermost: Middleware) -> Iterable[ASGIApp]:
        """What is served at its `ports`, in their order, within `outermost`, which gives requests
        their context.
        """
        return ()

    def reloadables(self) -> Iterable[Reloadable]:
        """What SIGHUP reads again."""
        return ()

    def numbers(self) -> Mapping[tuple[str, ...], float]:
        """Its metrics: values by name and labels, of its `families`."""
        return {}

    def status(self) -> Mapping[str, object]:
        """What `/status.json` shows of it to those who may see the state of the gateway."""
        return {}

    def observe(self, lag: float) -> None:
        """Called 20 times a second, with the seconds that the event loop is behind."""

    async def run(self) -> None:
        """Runs from the start of the app until its end, which cancels it. If it fails, the log says
        so, and the gateway goes on.
        """

    async def first_look(self) -> None:
        """What startup waits for, a few seconds at most."""

    async def close(self) -> None:
        """The end of the app, before `run` is cancelled."""


def needed_first(features: Iterable[type[Feature]]) -> tuple[type[Feature], ...]:
    """The features, each after those that it needs."""
    return tuple(TopologicalSorter({each: each.needs for each in features}).static_order())


def identify_callers(features: Iterable[type[Feature]]) -> bool:
    """Whether one of them does; else everybody may call everything."""
    return any(each.identifies for each in features)


def public(route: Route) -> Route:
    """The route, for everybody: it needs no token, and has no limit but its own."""
    route.public = True  # type: ignore[attr-defined]
    return route
