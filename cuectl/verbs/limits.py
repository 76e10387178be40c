"""Limits."""

SECTION = "Limits"
VERBS = ()
