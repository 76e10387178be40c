"""Whose jobs a rule lets be changed (`only`) and seen (`see`)."""

from gateway.features.object_rights.feature import ObjectRights

__all__ = ["ObjectRights"]
