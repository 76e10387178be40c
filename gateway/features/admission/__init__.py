"""AdmissionControl: slots in flight, shared fairly, and load shedding."""

from gateway.features.admission.feature import Admission

__all__ = ["Admission"]
