"""At most once: `Idempotency-Key`."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from gateway.core.errors import OwnCause
from gateway.core.gateway import Gateway
from gateway.core.pipeline.exchange import Exchange
from gateway.core.pipeline.header_names import HeaderNames
from gateway.feature import Feature
from gateway.features.at_most_once.exchange import KeyedChanges
from gateway.features.at_most_once.key_records import KEYS, records_for


class AtMostOnce(Feature):
    name = "at_most_once"
    openapi = "openapi.yaml"
    refusals: ClassVar[Mapping[OwnCause, str]] = {KEYS: "Too many idempotency keys"}
    headers = HeaderNames(
        read=("Idempotency-Key",), once=("Idempotency-Key",), reported=("Idempotent-Replayed",)
    )

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        processes = gateway.settings.workers
        self.records = records_for(gateway.store, processes=processes, weight=gateway.weight)
        """What is remembered of calls with a key."""

    def exchanges(self) -> Iterable[Exchange]:
        pipeline = self.gateway.pipeline
        changes = KeyedChanges(
            self.records,
            pipeline.requests,
            pipeline.calls,
            pipeline.responder,
            longest_call=self.gateway.settings.grpc_timeout,
            reported=self.gateway.headers.lower_reported,
        )
        return (changes,)

    async def run(self) -> None:
        await self.records.run()

    async def close(self) -> None:
        await self.records.close()
