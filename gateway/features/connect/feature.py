"""Connect and gRPC-Web: surfaces beside plain JSON."""

from gateway.core.gateway import Gateway
from gateway.feature import Feature
from gateway.features.connect.choice import surface_of


class Connect(Feature):
    name = "connect"

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        gateway.surface_of = surface_of
