"""Health checks, the farm page, the documentation."""
