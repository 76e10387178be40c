"""Tests of gateway/features/object_rights/."""
