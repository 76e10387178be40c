"""Documented names: methods, fields and calls of OpenCue's reference that Cuebot has otherwise."""

from gateway.features.reference.feature import Reference

__all__ = ["Reference"]
