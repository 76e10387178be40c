"""Tests of gateway/core/."""
