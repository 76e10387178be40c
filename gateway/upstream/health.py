"""Whether an endpoint answers, by what probes of it have shown. No I/O and no clock."""

ENOUGH = 2
"""Failed probes, one after the other, after which it is said to hang: one may be bad luck."""


class Health:
    """The score of one endpoint. One answer mends it."""

    def __init__(self) -> None:
        self.reason = ""
        """How the latest probe has failed; empty after an answer."""
        self._failures = 0

    @property
    def unresponsive(self) -> bool:
        """Whether it takes calls and does not answer them."""
        return self._failures >= ENOUGH

    def fail(self, reason: str) -> bool:
        """A probe has failed so. Whether it is said to hang from now on."""
        self.reason = reason
        self._failures += 1
        return self._failures == ENOUGH

    def mend(self) -> bool:
        """There was an answer. Whether it was said to hang until now."""
        hung = self.unresponsive
        self.reason = ""
        self._failures = 0
        return hung
