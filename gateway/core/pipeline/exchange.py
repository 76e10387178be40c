"""Exchanges: the ways in which a call may be asked for and answered.

A plain call is one request to Cuebot and its answer. Other exchanges have a trigger: a header, a
parameter of the query string, or a verb. For each method of a catalog, those that serve it are
composed once, in the order in which they win; a request without any trigger asks none of them.
"""

from typing import ClassVar, Protocol

from starlette.types import Receive, Send

from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.request import CallRequest
from gateway.core.schema.method import Method


class Exchange(Protocol):
    headers: ClassVar[frozenset[bytes]]
    """Lower-case names of request headers that may ask for it."""

    def serves(self, method: Method) -> bool:
        """Whether requests for the method may ask for it. Called once for each catalog."""

    def is_asked(self, context: RequestContext, request: CallRequest) -> bool:
        """Whether this request asks for it. Raises GatewayError for a contradiction."""

    async def answer(
        self,
        context: RequestContext,
        request: CallRequest,
        body: bytes,
        receive: Receive,
        send: Send,
    ) -> None:
        """Answer the request. Raises GatewayError before the answer begins, and ClientGone."""
