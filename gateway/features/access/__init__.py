"""Access rules: which methods a token may call."""
