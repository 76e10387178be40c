"""The parts of a gateway that its features may use."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway.core.discovery.refresh import LiveCatalog
from gateway.core.fair_quota import Weight
from gateway.core.pipeline.call_maker import CallMaker
from gateway.core.pipeline.interceptors import Interceptors
from gateway.core.pipeline.request import RequestReader
from gateway.core.pipeline.respond import Responder
from gateway.core.principal import RightsFor, everything
from gateway.core.readiness import Readiness
from gateway.core.settings.model import Settings
from gateway.core.upstream.interface import Upstream


@dataclass(slots=True, kw_only=True)
class Gateway:
    settings: Settings
    live: LiveCatalog
    """The current catalog, which refreshes replace."""
    upstream: Upstream
    """Where calls for clients go."""
    weight: Weight
    """The share of each principal in what all share."""
    readiness: Readiness
    """Whether the gateway is stopping."""
    extensions: Callable[[type], tuple[Any, ...]]
    """What features add to a feature that they need."""
    rights_for: RightsFor = everything
    """The rights of a token, by its claims."""
    follow_rights: Callable[[RightsFor], object] = field(init=False)
    """Takes other rights for all tokens: who waits is authorized again."""
    generation: Callable[[], int] = field(init=False)
    """How often keys, rules or revocations have changed: whoever waits may have lost a right."""
    interceptors: Interceptors = field(init=False)
    requests: RequestReader = field(init=False)
    calls: CallMaker = field(init=False)
    responder: Responder = field(init=False)
