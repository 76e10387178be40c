"""Writing down the calls that change something: how handlers see the audit log."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from gateway.calls.invoke import Call
from gateway.errors import Code, GatewayError
from gateway.http.exchange import Exchange
from gateway.schema.method import Method

CANCELLED = Code.CANCELLED, Code.CANCELLED.http_status
"""The outcome of a call that has been given up: Cuebot may have made it."""

Outcome = Callable[[Code, int], None]
"""Is told how a call has ended: its code, and the HTTP status of that."""


class ChangeLog(Protocol):
    """Has a line for each call that changes something."""

    waits: bool
    """Whether writing takes time, so that calls that change something need a task each."""

    def begin(self, exchange: Exchange, method: Method, payload: bytes) -> Outcome:
        """A call that changes something is about to be made; for a log that does not wait.

        Raises GatewayError (UNAVAILABLE) if it must not be made, as it could not be written down.
        """

    def wants(self, denied: Exchange) -> bool:
        """Whether an exchange that was denied is to be written down; to be asked once."""

    def deny(self, denied: Exchange, error: GatewayError) -> Awaitable[None] | None:
        """Write it down. If something comes back, the client is answered when that is done."""

    def around(self, exchange: Exchange, call: Call) -> Call:
        """`call`, which writes down what changes something, and raises what `begin` does."""
