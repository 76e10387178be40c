"""Where descriptors come from, and when they are looked for again."""
