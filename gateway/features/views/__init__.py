"""Views: the fields, rows, groups and formats of an answer that a client asks for."""

from gateway.features.views.feature import Views

__all__ = ["Views"]
