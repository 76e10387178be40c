"""Slots in flight, which all requests share."""

from gateway.core.errors import unavailable
from gateway.core.fair_quota import FairQuota
from gateway.core.pipeline.context import RequestContext
from gateway.core.pipeline.error_answer import written
from gateway.core.pipeline.interceptors import Interceptor
from gateway.features.admission.load_shedding import LoadShedder

NO_PLACE = written(unavailable("too many requests are being served", "places"))
NO_LONG_ANSWER = written(unavailable("too many long answers are being made", "long_answers"))


class AdmissionControl(Interceptor):
    """`CallState` gives the slots back when the call is answered."""

    def __init__(self, slots: FairQuota, load_shedder: LoadShedder) -> None:
        self._slots = slots
        self._load_shedder = load_shedder
        self._ordinary = (slots,)
        self._long = (slots, load_shedder.slots)

    def enter(self, context: RequestContext) -> None:
        principal, method = context.principal, context.call.rpc or ""
        shedder = self._load_shedder
        long = context.request.started < shedder.long_until.get(method, 0.0)
        # First: under overload most calls fail here.
        if long and not shedder.slots.take(principal):
            raise NO_LONG_ANSWER.again()
        if not self._slots.take(principal):
            if long:
                shedder.slots.give_back(principal)
            raise NO_PLACE.again()
        context.call.slots = self._long if long else self._ordinary
