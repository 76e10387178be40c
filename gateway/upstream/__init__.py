"""The seam to Cuebot: bytes in, bytes out, over gRPC."""
