"""Tests of gateway/features/watch/."""
