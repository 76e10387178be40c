"""Conditional reads: ETags, 304, and waiting for a change."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from gateway.core.errors import OwnCause
from gateway.core.fair_quota import FairQuota
from gateway.core.pipeline.exchange import Exchange
from gateway.core.pipeline.header_names import HeaderNames
from gateway.core.profile.draft import Draft
from gateway.feature import Feature
from gateway.features.conditional.exchange import WAITS, ConditionalReads
from gateway.features.conditional.version import compile_version
from gateway.features.views import Views

MAX_WAITING_READS = 1000
"""GET requests that may wait for a change (`Prefer: wait`)."""


class Conditional(Feature):
    name = "conditional"
    needs = (Views,)
    openapi = "openapi.yaml"
    refusals: ClassVar[Mapping[OwnCause, str]] = {WAITS: "Too many GETs wait for a change"}
    headers = HeaderNames(read=("If-None-Match", "Prefer"), sent=("ETag", "Preference-Applied"))

    @staticmethod
    def compile(draft: Draft) -> None:
        compile_version(draft)

    def exchanges(self) -> Iterable[Exchange]:
        gateway, pipeline = self.gateway, self.gateway.pipeline
        reads = ConditionalReads(
            pipeline.requests,
            pipeline.calls,
            pipeline.responder,
            pipeline.interceptors,
            waiting=FairQuota(MAX_WAITING_READS, gateway.weight),
            readiness=gateway.readiness,
        )
        return (reads,)
