"""Features: each a folder, and a line in FEATURES."""
