"""Plans for large bodies, made in another process."""
