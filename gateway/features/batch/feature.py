"""Batches: many calls in a request."""

from collections.abc import Iterable

from starlette.routing import Route

from gateway.feature import Feature, public
from gateway.features.batch.batch import PATH, Batches


class Batch(Feature):
    name = "batch"
    openapi = "openapi.yaml"

    def routes(self) -> Iterable[Route]:
        gateway, pipeline = self.gateway, self.gateway.pipeline
        batches = Batches(
            pipeline.methods,
            pipeline.interceptors,
            pipeline.requests.bodies,
            gateway.planner,
            gateway.readiness,
            settings=gateway.settings,
            weight=gateway.weight,
            shown=gateway.headers.lower_reported | {b"retry-after": "Retry-After"},
        )
        return (public(Route(PATH, batches)),)  # which identifies callers itself
