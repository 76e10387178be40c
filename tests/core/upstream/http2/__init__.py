"""Tests of gateway/core/upstream/."""
