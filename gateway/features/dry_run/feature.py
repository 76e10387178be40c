"""Dry runs (`X-Dry-Run: 1`): the calls that a request would make, which are not made."""

from collections.abc import Iterable

from gateway.core.pipeline.exchange import Exchange
from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.pipeline.options import OptionReader
from gateway.feature import Feature
from gateway.features.dry_run.exchange import DryRunOptionReader, DryRuns


class DryRun(Feature):
    name = "dry_run"
    document = "openapi.yaml"
    headers = HeaderNames(read=("X-Dry-Run",), sent=("X-Dry-Run",))

    def options(self) -> Iterable[OptionReader]:
        return (DryRunOptionReader(),)

    def exchanges(self) -> Iterable[Exchange]:
        return (DryRuns(self.gateway.pipeline.calls, self.gateway.pipeline.responder),)
