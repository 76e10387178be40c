"""Connect and gRPC-Web: surfaces beside plain JSON."""

from gateway.features.connect.feature import Connect

__all__ = ["Connect"]
