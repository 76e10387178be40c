"""Places for calls: those with long answers need one more, and nothing is taken by a refusal."""

import pytest

from gateway.access.load import LongAnswers
from gateway.access.shares import Shares
from gateway.errors import Code, GatewayError
from gateway.http.admission import Admission
from gateway.http.context import RequestContext
from tests.support.contexts import context_of

LONG, SHORT = "/a.B/Long", "/a.B/Short"


def entered(admission: Admission, method: str) -> RequestContext:
    """A call of this method that has its places."""
    context = context_of(method)
    context.call.rpc = method
    admission.enter(context)
    return context


@pytest.mark.parametrize(
    ("places", "long_places", "full"),
    [(2, 1, "too many long answers are being made"), (1, 2, "too many requests are being served")],
)
def test_a_refused_call_takes_nothing(places: int, long_places: int, full: str) -> None:
    """Whichever of its two places is missing."""
    every, long_answers = Shares(places), LongAnswers(long_places)
    long_answers.note(LONG)
    admission = Admission(every, long_answers)
    held = entered(admission, LONG)
    for _ in range(5):
        with pytest.raises(GatewayError, match=full) as refused:
            entered(admission, LONG)
        assert refused.value.code is Code.UNAVAILABLE
    held.close()
    assert (every.taken, long_answers.places.taken) == (0, 0)
    assert entered(admission, LONG).call.places == (every, long_answers.places)


def test_a_call_with_a_short_answer_needs_one_place() -> None:
    """However many long ones there are."""
    every, long_answers = Shares(2), LongAnswers(1)
    long_answers.note(LONG)
    admission = Admission(every, long_answers)
    entered(admission, LONG)
    assert entered(admission, SHORT).call.places == (every,)
