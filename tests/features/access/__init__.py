"""Tests of gateway/features/access/."""
