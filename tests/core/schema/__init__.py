"""Tests of gateway/core/schema/."""
