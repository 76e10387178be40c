"""Shared reads: one call for all who ask the same at the same time."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.core.families import counter
from gateway.core.gateway import Gateway
from gateway.core.settings.model import Strict
from gateway.feature import Feature
from gateway.features.shared_reads.settings import SharedReadsSettings
from gateway.features.shared_reads.shared_upstream import OwnMemory, SharedUpstream


class SharedReads(Feature):
    name = "shared_reads"
    families = (
        counter("shared_reads_total", "Answers that came from a call for several requests."),
    )

    @classmethod
    def section(cls, added: Sequence[Any]) -> type[Strict]:
        return SharedReadsSettings

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self.upstream: SharedUpstream | None = None
        """What calls for clients go through, if they are shared."""
        shared = gateway.settings.section(SharedReadsSettings).shared_reads
        if shared != "off":
            self.upstream = gateway.upstream_of_calls = SharedUpstream(
                gateway.upstream,
                gateway.live.only_reads,
                gateway.answers,
                within_principal=shared == "principal",
            )
            gateway.upstream_of_copies = OwnMemory(self.upstream)

    def numbers(self) -> Mapping[tuple[str, ...], float]:
        return {} if self.upstream is None else {("shared_reads_total",): self.upstream.answered}
