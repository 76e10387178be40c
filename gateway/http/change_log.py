"""Writing down the calls that change something: how handlers see the audit log."""

from typing import Protocol

from gateway.calls.invoke import Call
from gateway.errors import GatewayError
from gateway.http.context import RequestContext


class ChangeLog(Protocol):
    """Has a line for each call that changes something."""

    def wants(self, denied: RequestContext) -> bool:
        """Whether a request that was denied is to be written down; to be asked once."""

    async def deny(self, denied: RequestContext, error: GatewayError) -> None:
        """Write it down. The client is answered when that is done."""

    def around(self, context: RequestContext, call: Call) -> Call:
        """`call`, which writes down what changes something.

        It raises GatewayError (UNAVAILABLE) if that must not be made, as it could not be written
        down.
        """
