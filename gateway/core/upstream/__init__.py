"""A call to Cuebot: bytes in, bytes out, over gRPC."""
