"""Names in the place of ids, and what is said of names that nothing has."""
