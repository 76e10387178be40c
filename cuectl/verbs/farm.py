"""Farm."""

SECTION = "Farm"
VERBS = ()
