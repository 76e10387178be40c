"""Admission control: slots for requests in flight, and further slots for long answers."""

from gateway.access.fair_quota import FairQuota
from gateway.access.load_shedding import LoadShedder
from gateway.errors import unavailable
from gateway.http.context import RequestContext
from gateway.http.interceptors import Interceptor


class Admission(Interceptor):
    """Takes a call's slots. `CallState` returns them when the call is answered."""

    def __init__(self, slots: FairQuota, load_shedder: LoadShedder) -> None:
        self._slots = slots
        self._load_shedder = load_shedder
        self._ordinary = (slots,)
        self._long = (slots, load_shedder.slots)

    def enter(self, context: RequestContext) -> None:
        principal, method = context.principal, context.call.rpc or ""
        long = self._load_shedder.includes(method, context.request.started)
        # First: under overload most calls fail here.
        if long and not self._load_shedder.slots.take(principal):
            raise unavailable("too many long answers are being made", "long_answers")
        if not self._slots.take(principal):
            if long:
                self._load_shedder.slots.give_back(principal)
            raise unavailable("too many requests are being served", "places")
        context.call.slots = self._long if long else self._ordinary
