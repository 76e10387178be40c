"""Tests of gateway/core/shared_store.py."""
