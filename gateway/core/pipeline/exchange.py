"""Exchanges: the ways in which a call may be asked for and answered.

A plain call is one request to Cuebot and its answer. Other exchanges have a trigger: a header, an
option in the query string, or a verb other than POST. For each method of a catalog, those that
serve it are composed once, in the order in which they win; a request without any trigger asks none
of them. `tests/core/pipeline/test_exchanges.py` has a table of each two that are asked for at once.
"""

from collections.abc import Callable
from typing import ClassVar, NamedTuple

from starlette.types import Receive, Send

from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.request import CallRequest
from gateway.core.schema.method import Method


class Inherited(NamedTuple):
    """A header that the parts of a request have from it."""

    name: bytes
    value: Callable[[str], bytes]
    """By the id of a part."""
    differs: bool = False
    """Whether each part needs an id of its own."""


class Exchange:
    headers: ClassVar[frozenset[bytes]] = frozenset()
    """Lower-case names of request headers that may ask for it. An option that does is read by an
    `OptionReader`, which says so in `Options.asked`.
    """

    def read_head(self, context: RequestContext) -> None:
        """A head has arrived that has one of these headers, or one of another exchange's. Its
        method is not known yet. Raises GatewayError.
        """

    def inherited(self, context: RequestContext) -> Inherited | None:
        """What each part of a request for many calls has of it, if that one asks for this exchange.
        Raises GatewayError.
        """
        return None

    def streams(self, accept: bytes) -> bool:
        """Whether an Accept header asks for this exchange, and for an event stream."""
        return False

    def serves(self, method: Method) -> bool:
        """Whether requests for the method may ask for it. Called once for each catalog."""
        return True

    def is_asked(self, context: RequestContext, request: CallRequest) -> bool:
        """Whether this request, which has some trigger, asks for it."""
        raise NotImplementedError

    async def answer(
        self,
        context: RequestContext,
        request: CallRequest,
        body: bytes,
        receive: Receive,
        send: Send,
    ) -> None:
        """Answer the request. Raises GatewayError before the answer begins, and ClientGone."""
        raise NotImplementedError
