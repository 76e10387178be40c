"""Shows and subscriptions."""

SECTION = "Shows and subscriptions"
VERBS = ()
