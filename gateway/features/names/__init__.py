"""Names in the place of ids, and what is said of names that nothing has."""

from gateway.features.names.feature import Names

__all__ = ["Names"]
