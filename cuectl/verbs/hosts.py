"""Hosts and procs."""

SECTION = "Hosts and procs"
VERBS = ()
