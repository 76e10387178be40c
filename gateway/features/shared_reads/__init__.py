"""One call to Cuebot for all who ask the same at the same time."""

from gateway.features.shared_reads.feature import SharedReads

__all__ = ["SharedReads"]
