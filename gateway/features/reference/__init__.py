"""OpenCue's documented names: methods, fields and steps that Cuebot has otherwise."""

from gateway.features.reference.feature import Reference

__all__ = ["Reference"]
