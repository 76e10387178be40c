"""Tests of gateway/core/codec/."""
