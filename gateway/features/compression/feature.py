"""Compression of answers and of request bodies."""

from gateway.core.gateway import Gateway
from gateway.core.pipeline.content_coding import Codings
from gateway.feature import Feature
from gateway.features.compression.coding import READERS, SUPPORTED, CompressedDecoder, choose


class Compression(Feature):
    name = "compression"
    openapi = "openapi.yaml"

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        readable = frozenset((b"identity", *READERS))
        gateway.codings = Codings(choose, SUPPORTED, readable, CompressedDecoder)
