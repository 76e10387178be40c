"""Tests of gateway/core/discovery/."""
