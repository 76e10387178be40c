"""Admission control: requests in flight have a place, and those with long answers one more."""

from gateway.access.load import LongAnswers
from gateway.access.shares import Shares
from gateway.errors import unavailable
from gateway.http.context import RequestContext
from gateway.http.interceptors import Interceptor


class Admission(Interceptor):
    """Gives a call its places among those in flight. It gives them back when it is answered."""

    def __init__(self, places: Shares, long_answers: LongAnswers) -> None:
        self._places = places
        self._long_answers = long_answers
        self._ordinary = (places,)
        self._long = (places, long_answers.places)

    def enter(self, context: RequestContext) -> None:
        principal, method = context.principal, context.call.rpc or ""
        long = self._long_answers.includes(method, context.request.started)
        # These first: under too much load it is they that most calls do not find.
        if long and not self._long_answers.places.take(principal):
            raise unavailable("too many long answers are being made", "long_answers")
        if not self._places.take(principal):
            if long:
                self._long_answers.places.give_back(principal)
            raise unavailable("too many requests are being served", "places")
        context.call.places = self._long if long else self._ordinary
