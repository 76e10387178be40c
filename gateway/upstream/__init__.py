"""Calls to Cuebot over gRPC: bytes in, bytes out."""
