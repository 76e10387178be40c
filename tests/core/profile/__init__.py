"""Tests of gateway/core/profile/."""
