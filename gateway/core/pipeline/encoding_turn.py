"""Turns in which long answers are encoded, a few of them at once."""

from time import monotonic

from gateway.core.fair_quota import FairSemaphore, Weight, equal_weight, reserve_of

STEPS_PER_TURN = 3
"""Some 6 ms of work; then another principal may get the turn."""
ENCODED_AT_ONCE = 2
"""Long answers of one principal, with room for one of another. With more of them, small requests
would wait for pieces of each."""
LONG_ANSWER_SECONDS = 10.0
"""How long a method counts as one with long answers, after such an answer."""


class LongAnswers:
    """Which methods have long answers, and the turns in which these are encoded."""

    def __init__(self, most: int, weight: Weight = equal_weight) -> None:
        """`most` answers may be asked for at once."""
        self.turns = FairSemaphore(ENCODED_AT_ONCE, most + reserve_of(most), weight)
        self.until: dict[str, float] = {}
        """By method, if it has had a long answer: until when (monotonic seconds) the next one is
        likely to be long, too.
        """

    def note(self, method: str) -> None:
        """The method has had a long answer."""
        self.until[method] = monotonic() + LONG_ANSWER_SECONDS


class EncodingTurn:
    def __init__(self, turns: FairSemaphore, principal: str) -> None:
        self._turns = turns
        self._principal = principal
        self.is_held = False
        self._steps = 0

    async def take(self, within: float | None = None) -> bool:
        """Wait for the turn; False if it does not come within `within` seconds."""
        if not self.is_held:
            self._steps = 0
            self.is_held = await self._turns.take(self._principal, 1, within)
        return self.is_held

    def give_back(self) -> None:
        if self.is_held:
            self.is_held = False
            self._turns.give_back(self._principal, 1)

    def note_step(self) -> None:
        """After STEPS_PER_TURN steps, the turn passes to another principal."""
        self._steps += 1
        if self._steps >= STEPS_PER_TURN and self._turns.is_awaited_by_others(self._principal):
            self.give_back()


class MadeTogether:
    """Pieces of an answer that several requests make together, in one turn."""

    def turn_among(self, turns: FairSemaphore) -> EncodingTurn:
        raise NotImplementedError
