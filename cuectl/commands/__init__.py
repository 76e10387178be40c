"""Commands that are not verbs."""
