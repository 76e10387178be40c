"""Admission: slots in flight, shared fairly; long answers are refused first under overload."""

from collections.abc import Iterable, Mapping

from gateway.core.fair_quota import FairQuota
from gateway.core.families import gauge
from gateway.core.gateway import Gateway
from gateway.core.pipeline.interceptors import Interceptor
from gateway.feature import Feature
from gateway.features.admission.interceptor import AdmissionControl
from gateway.features.admission.load_shedding import LoadShedder


class Admission(Feature):
    name = "admission"
    families = (gauge("requests_in_flight", "Requests that have one of the MAX_IN_FLIGHT slots."),)

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        most = gateway.settings.max_in_flight
        self.slots = FairQuota(most, gateway.weight)
        """Of requests in flight."""
        self.load_shedder = LoadShedder(most, gateway.long_answers, gateway.weight)

    def interceptors(self) -> Iterable[Interceptor]:
        return (AdmissionControl(self.slots, self.load_shedder),)

    def numbers(self) -> Mapping[tuple[str, ...], float]:
        return {("requests_in_flight",): self.slots.taken}

    def status(self) -> Mapping[str, object]:
        long = self.load_shedder.slots
        load = {
            "inFlight": self.slots.taken,
            "most": self.slots.total,
            "long": long.taken,
            "longLimit": long.total,
        }
        return {"load": load}

    def observe(self, lag: float) -> None:
        self.load_shedder.observe(lag)
