"""Content codings (gzip, zstd) of answers and of request bodies (`Content-Encoding`, 415)."""

from gateway.features.compression.feature import Compression

__all__ = ["Compression"]
