"""Dry runs (`X-Dry-Run: 1`): the calls that a request would make, which are not made."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from gateway.core.calls.direct import DirectCalls
from gateway.core.gateway import Gateway
from gateway.core.pipeline.exchange import Exchange
from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.pipeline.options import OptionReader
from gateway.feature import Feature
from gateway.features.dry_run.exchange import DryRunOptionReader, DryRuns, add_dry_run
from gateway.features.dry_run.preview import preview


class DryRun(Feature):
    name = "dry_run"
    openapi = "openapi.yaml"
    headers = HeaderNames(read=("X-Dry-Run",), reported=("X-Dry-Run",))
    direct = DirectCalls(preview=preview)
    not_a_field: ClassVar[Mapping[str, str]] = {
        "dryrun": "; for a dry run, send the header X-Dry-Run: 1, or use call --dry-run"
    }

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        gateway.log_fields.request.append(add_dry_run)
        gateway.log_fields.denied.append(add_dry_run)

    def options(self) -> Iterable[OptionReader]:
        return (DryRunOptionReader(),)

    def exchanges(self) -> Iterable[Exchange]:
        return (DryRuns(self.gateway.pipeline.calls, self.gateway.pipeline.responder),)
