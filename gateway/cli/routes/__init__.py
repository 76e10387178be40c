"""Listing the paths that would be served."""
