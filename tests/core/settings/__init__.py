"""Tests of gateway/core/settings/."""
