"""Whether the gateway goes on, or stops."""

from dataclasses import dataclass


@dataclass(slots=True)
class Readiness:
    """The state of the server, for `/readyz`."""

    stopping: bool = False
