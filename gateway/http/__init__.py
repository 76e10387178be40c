"""A request and its answer: middleware and handlers."""
