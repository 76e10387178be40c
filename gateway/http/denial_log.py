"""Writing down calls that are denied: how handlers see the audit log."""

from typing import Protocol

from gateway.errors import GatewayError
from gateway.http.context import RequestContext


class DenialLog(Protocol):
    """Has a line for each call that a rule of access denies."""

    def wants(self, denied: RequestContext) -> bool:
        """Whether a request that was denied is to be written down; to be asked once."""

    async def deny(self, denied: RequestContext, error: GatewayError) -> None:
        """Write it down. The client is answered when that is done."""
