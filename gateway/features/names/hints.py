"""What is said of names that nothing has: the nearest one, and which of a read's are of nothing."""

import asyncio
from contextlib import suppress

from gateway.core.calls.explanations import Questions
from gateway.core.calls.invoke import reworded
from gateway.core.calls.plan import Plan
from gateway.core.errors import GatewayError
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.interceptors import Interceptor
from gateway.core.schema.catalog import Catalog
from gateway.features.names.aspect import RequestNames
from gateway.features.names.kept_names import KeptNames
from gateway.features.names.near_names import reason, with_near_name
from gateway.features.names.no_match import is_empty, no_match

MOST_SUGGESTIONS = 2


class NameHints(Interceptor):
    def __init__(self) -> None:
        self._kept = KeptNames()

    async def explain(
        self, context: RequestContext, catalog: Catalog, error: GatewayError, ask: Questions
    ) -> GatewayError:
        """The error with the nearest name that the caller may list.

        If the layer's job is not there either, the nearest job is told.
        """
        sought, routes = error.sought, catalog.routes
        if sought is None:
            return error
        kept, principal = self._kept, context.principal
        with suppress(TimeoutError):
            async with asyncio.timeout(max(ask.left, 0)):
                for _ in range(MOST_SUGGESTIONS):
                    finder = routes.get(sought.path) if sought is not None and sought.name else None
                    near = None if finder is None else RequestNames.of(finder).near
                    if sought is None or finder is None or near is None:
                        return error
                    listing = routes.get(near.method.path)
                    if listing is None or listing.path not in ask.allowed:
                        return error
                    call, beside = ask.for_all(), near.listing
                    try:
                        if (
                            beside is not None
                            and not sought.is_looked_up
                            and beside.method.path in ask.allowed
                        ):
                            said = await reason(sought, finder, beside, kept, principal, call)
                            if said:
                                return reworded(error, said)
                        return await with_near_name(
                            error, sought, finder, listing, kept, principal, call
                        )
                    except GatewayError as failed:
                        before, sought = sought, failed.sought
                        if sought is not None:
                            sought = sought._replace(place=before.place, is_looked_up=True)
        return error

    async def explain_empty(
        self, context: RequestContext, plan: Plan, answer: bytes, ask: Questions
    ) -> None:
        """Say in a header which names in the request are of nothing, where the caller may list
        them.
        """
        method = plan.method
        if not is_empty(method, answer):
            return
        filters = [
            each for each in RequestNames.of(method).filters if each.near.method.path in ask.allowed
        ]
        asked = method.parse_request(plan.payload)
        with suppress(TimeoutError):
            async with asyncio.timeout(max(ask.left, 0)):
                names = await no_match(filters, asked, self._kept, context.principal, ask.for_all())
                if names:
                    context.response.set_header(b"x-no-match", names.encode())
