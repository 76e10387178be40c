"""Which fields, rows, groups and formats of an answer a client asks for (`_fields`, `_where`,
CSV).
"""

from gateway.features.views.feature import Views

__all__ = ["Views"]
