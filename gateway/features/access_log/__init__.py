"""A line in the log for each request, and a warning for each slow call."""

from gateway.features.access_log.feature import AccessLog

__all__ = ["AccessLog"]
