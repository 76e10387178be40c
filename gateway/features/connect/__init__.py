"""Connect and gRPC-Web, binary and text: surfaces beside plain JSON."""

from gateway.features.connect.feature import Connect

__all__ = ["Connect"]
