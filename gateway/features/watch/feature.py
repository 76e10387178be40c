"""Watching: event streams of reads."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from gateway.core.calls.direct import DirectCalls
from gateway.core.errors import OwnCause
from gateway.core.fair_quota import FairQuota
from gateway.core.families import gauge
from gateway.core.gateway import Gateway
from gateway.core.pipeline.exchange import Exchange
from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.pipeline.options import OptionReader
from gateway.core.profile.draft import Draft
from gateway.feature import Feature
from gateway.features.views.feature import Views
from gateway.features.watch.compile import compile_watching
from gateway.features.watch.direct import WaitedRows
from gateway.features.watch.options import WatchOptionReader
from gateway.features.watch.profile import WatchTables
from gateway.features.watch.question import WATCHERS
from gateway.features.watch.watches import Watches, WatchLimits

WATCH_LIMITS = WatchLimits()


class Watch(Feature):
    name = "watch"
    families = (gauge("watchers", "Event streams that are open."),)
    needs = (Views,)
    tables = WatchTables
    openapi = "openapi.yaml"
    refusals: ClassVar[Mapping[OwnCause, str]] = {
        WATCHERS: "Too many event streams, or what they ask"
    }
    headers = HeaderNames(read=("Last-Event-ID",))
    direct = DirectCalls(waited=WaitedRows)

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self._limits = WATCH_LIMITS
        self.places = FairQuota(self._limits.watchers, gateway.weight)
        """For event streams."""

    @staticmethod
    def compile(draft: Draft) -> None:
        compile_watching(draft)

    def numbers(self) -> Mapping[tuple[str, ...], float]:
        return {("watchers",): self.places.taken}

    def options(self) -> Iterable[OptionReader]:
        return (WatchOptionReader(),)

    def exchanges(self) -> Iterable[Exchange]:
        gateway, settings = self.gateway, self.gateway.settings
        watches = Watches(
            gateway,
            places=self.places,
            limits=self._limits,
            within_principal=settings.get("shared_reads", "on") == "principal",
        )
        return (watches,)
