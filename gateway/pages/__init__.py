"""Health checks, the page at `/`, the documentation."""
