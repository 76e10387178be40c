"""Finding a frame and its job, with the caller's rights: ordinary reads of Cuebot."""

import re
from typing import Any

from gateway.core.calls.ids import CUEBOT_ID
from gateway.core.calls.plan import Plan
from gateway.core.calls.rows import rows_with
from gateway.core.errors import Code, GatewayError
from gateway.core.pipeline.call_maker import CallMaker
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.request import CallRequest
from gateway.core.schema.catalog import Catalog
from gateway.core.schema.method import FieldPath
from gateway.core.suggestions import QUOTED_CHARS
from gateway.features.logs.compile import Finder, FrameLogs

FRAME_NAME = re.compile(r"0*([0-9]{1,9})-(.+)", re.ASCII | re.DOTALL)
"""A number and the name of a layer."""
NOT_FOUND_HOW = "the profile (COMPAT_PROFILE) does not say how the logs of this Cuebot are found"


class FrameFinder:
    """Finds frames for callers. What an access rule hides is not found."""

    def __init__(self, calls: CallMaker, timeout: float) -> None:
        """`timeout` is in seconds, for each call."""
        self._calls = calls
        self._timeout = timeout

    async def job(self, context: RequestContext, catalog: Catalog, given: str) -> Any:
        """The job of this name or id; of several, the one that is not finished, or the newest.

        Raises GatewayError (NOT_FOUND).
        """
        finder = logs_of(catalog).job
        by_id, wanted = self._sought(given, tuple(dict.fromkeys((given, given.lower()))))
        place = finder.ids if by_id else finder.names
        rows = await self._rows(context, catalog, finder, place, wanted)
        found = [each for each in rows if (each.id if by_id else each.name) in wanted]
        if not found:
            raise nothing(context, f"no job {given[:QUOTED_CHARS]!r}")
        finished = logs_of(catalog).finished
        return max(found, key=lambda each: (each.state != finished, each.start_time))

    async def frame(self, context: RequestContext, catalog: Catalog, job: Any, given: str) -> Any:
        """The frame of this name or id in a job. Raises GatewayError (NOT_FOUND)."""
        finder = logs_of(catalog).frame
        by_id, wanted = self._sought(given, names_of_frame(given))
        place = finder.ids if by_id else finder.names
        rows = await self._rows(context, catalog, finder, place, wanted, job.id)
        for each in rows:
            if (each.id if by_id else each.name) in wanted:
                return each
        raise nothing(context, f"no frame {given[:QUOTED_CHARS]!r} in job {job.name!r}")

    def _sought(self, given: str, names: tuple[str, ...]) -> tuple[bool, tuple[str, ...]]:
        """Whether it is an id, and what it may be called."""
        if CUEBOT_ID.fullmatch(given):
            return True, tuple(dict.fromkeys((given, given.lower())))
        return False, names

    async def _rows(
        self,
        context: RequestContext,
        catalog: Catalog,
        finder: Finder,
        place: FieldPath,
        wanted: tuple[str, ...],
        within: str = "",
    ) -> list[Any]:
        plan = Plan(finder.method, finder.request(place, wanted, within))
        request = CallRequest(plan, self._timeout, catalog)
        try:
            answer = await self._calls.call(context, request)
        except GatewayError as error:
            if error.code is not Code.NOT_FOUND:
                raise
            return []
        return await rows_with(finder.rows, (), answer)


def logs_of(catalog: Catalog) -> FrameLogs:
    """Raises GatewayError (UNIMPLEMENTED) where frames cannot be found."""
    found: FrameLogs | None = catalog.aspects.get(FrameLogs)
    if found is None:
        raise GatewayError(Code.UNIMPLEMENTED, NOT_FOUND_HOW)
    return found


def names_of_frame(given: str) -> tuple[str, ...]:
    """What a frame may be called: as it is given, and with as many zeros as Cuebot writes."""
    found = FRAME_NAME.fullmatch(given)
    if found is None:
        return (given,)
    return tuple(dict.fromkeys((given, f"{int(found[1]):04}-{found[2]}")))


def nothing(context: RequestContext, problem: str) -> GatewayError:
    """The 404 for what is not there; for what an access rule hides, it is the same."""
    assert context.caller is not None, "no page is shown without a token"
    hidden = ", or you may not see it" if context.caller.rights.is_partial else ""
    return GatewayError(Code.NOT_FOUND, problem + hidden)
