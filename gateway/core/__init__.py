"""What every call needs: a schema becomes a catalog, a request a call, its answer a response."""
