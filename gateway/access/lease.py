"""The memory of a request's large answers, as a lease on a part of all such memory."""

from collections.abc import Callable

from gateway.access.fair_quota import Asking, FairSemaphore


class Lease:
    """The memory of one request's large answers."""

    __slots__ = ("_asking", "_held", "_principal", "_turns")

    def __init__(self, turns: FairSemaphore, principal: str) -> None:
        self._turns = turns
        self._principal = principal
        self._held = 0
        self._asking: Asking | None = None

    @property
    def is_wanted(self) -> bool:
        """Whether others wait for such memory."""
        return self._turns.is_awaited

    @property
    def over_quota(self) -> float:
        """How many times a modest part of all the memory its principal has; 1 at least."""
        return self._turns.over_quota(self._principal)

    def ask(self, size: int, go_on: Callable[[], None]) -> bool:
        """Ask for so many bytes; `go_on` is called once they are there, perhaps at once.

        False if that will never be. What was asked for before is given back: of several answers,
        one after the other, the one before has been read by then. Who waited for the next with it
        might wait for ever.
        """
        self.close()

        def granted() -> None:
            self._asking = None
            self._held += size
            go_on()

        asking = self._turns.ask(self._principal, size, granted)
        if not self._held:
            self._asking = asking
        return asking is not None

    def shrink(self, size: int) -> None:
        """The answer takes no more than so many bytes from now on."""
        if self._held > size:
            held, self._held = self._held, size
            self._turns.give_back(self._principal, held - size)

    def close(self) -> None:
        """The answers are not in memory any more, and none is awaited."""
        if self._asking is not None:
            self._turns.forget(self._principal, self._asking)
            self._asking = None
        if self._held:
            held, self._held = self._held, 0
            self._turns.give_back(self._principal, held)
