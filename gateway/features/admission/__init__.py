"""How many calls are in flight, shared fairly; long answers are refused first under overload
(503).
"""

from gateway.features.admission.feature import Admission

__all__ = ["Admission"]
