"""Connect and gRPC-Web: surfaces beside plain JSON."""

from gateway.core.gateway import Gateway
from gateway.core.pipeline.header_names import HeaderNames
from gateway.feature import Feature
from gateway.features.connect.choice import surface_of


class Connect(Feature):
    name = "connect"
    openapi = "openapi.yaml"
    headers = HeaderNames(
        read=(
            *("Connect-Protocol-Version", "Connect-Timeout-Ms"),
            *("X-Grpc-Web", "X-User-Agent", "Grpc-Encoding", "Grpc-Accept-Encoding"),
        ),
        # Clients of gRPC-Web look for some of them before they read the trailers in the body.
        sent=("Grpc-Status", "Grpc-Message", "Grpc-Status-Details-Bin", "Grpc-Encoding"),
    )

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        gateway.surface_of = surface_of
