"""Layers and frames."""

SECTION = "Layers and frames"
VERBS = ()
