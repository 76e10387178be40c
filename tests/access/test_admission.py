"""Places for calls: those with long answers need one more, and nothing is taken by a refusal."""

from time import monotonic

import pytest

from gateway.access.admission import Admission
from gateway.access.load import LongAnswers
from gateway.access.shares import Shares
from gateway.errors import Code, GatewayError

LONG, SHORT = "/a.B/Long", "/a.B/Short"


def refused(admission: Admission, method: str) -> str:
    """Why there is no place."""
    with pytest.raises(GatewayError) as raised:
        admission.enter("lena", method, monotonic())
    assert raised.value.code is Code.UNAVAILABLE
    return raised.value.message


@pytest.mark.parametrize(
    ("places", "long_places", "full"),
    [(2, 1, "too many long answers are being made"), (1, 2, "too many requests are being served")],
)
def test_a_refused_call_takes_nothing(places: int, long_places: int, full: str) -> None:
    """Whichever of its two places is missing."""
    every, long_answers = Shares(places), LongAnswers(long_places)
    long_answers.note(LONG)
    admission = Admission(every, long_answers)
    held = admission.enter("lena", LONG, monotonic())
    for _ in range(5):
        assert refused(admission, LONG) == full
    for each in held:
        each.give_back("lena")
    assert (every.taken, long_answers.places.taken) == (0, 0)
    assert admission.enter("lena", LONG, monotonic()) == (every, long_answers.places)


def test_a_call_with_a_short_answer_needs_one_place() -> None:
    """However many long ones there are."""
    every, long_answers = Shares(2), LongAnswers(1)
    long_answers.note(LONG)
    admission = Admission(every, long_answers)
    admission.enter("lena", LONG, monotonic())
    assert admission.enter("lena", SHORT, monotonic()) == (every,)
