"""Tests of gateway/features/views/."""
