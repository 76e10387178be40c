"""Tests of gateway/views/."""
