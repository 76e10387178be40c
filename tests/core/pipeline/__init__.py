"""Tests of gateway/core/pipeline/."""
