"""Tests of gateway/features/names/."""
