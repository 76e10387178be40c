"""A line on disk for each change, and for each that was denied."""

from gateway.features.audit.feature import Audit

__all__ = ["Audit"]
