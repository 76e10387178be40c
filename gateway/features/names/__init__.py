"""Names in the place of ids, and the near name of one that nothing has."""

from gateway.features.names.feature import Names

__all__ = ["Names"]
