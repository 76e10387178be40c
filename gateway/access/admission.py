"""What a request takes of what there is: a place among the calls, and memory for large answers."""

from collections.abc import Callable

from gateway.access.shares import Asking, Shares, Turns
from gateway.errors import RETRY_SOON, Code, GatewayError


def enter(places: Shares, principal: str) -> None:
    """Take a place. Raises GatewayError (UNAVAILABLE) when there is none for this principal."""
    if not places.take(principal):
        raise GatewayError(
            Code.UNAVAILABLE, "too many requests are being served", headers=RETRY_SOON
        )


class Lease:
    """The memory of one request's large answers."""

    __slots__ = ("_asking", "_held", "_principal", "_turns")

    def __init__(self, turns: Turns, principal: str) -> None:
        self._turns = turns
        self._principal = principal
        self._held = 0
        self._asking: Asking | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether others wait for such memory."""
        return self._turns.is_awaited

    def ask(self, size: int, go_on: Callable[[], None]) -> bool:
        """Ask for so many bytes more; `go_on` is called once they are there, perhaps at once.

        False if that will never be. To be called again only after `go_on` has been.
        """

        def granted() -> None:
            self._asking = None
            self._held += size
            go_on()

        before = self._held
        asking = self._turns.ask(self._principal, size, granted)
        if self._held == before:
            self._asking = asking
        return asking is not None

    def close(self) -> None:
        """The answers are not in memory any more, and none is awaited."""
        if self._asking is not None:
            self._turns.forget(self._principal, self._asking)
            self._asking = None
        if self._held:
            held, self._held = self._held, 0
            self._turns.give_back(self._principal, held)
