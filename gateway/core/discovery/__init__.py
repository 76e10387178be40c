"""Where descriptors come from, and when to refresh."""
