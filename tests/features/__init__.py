"""Tests of gateway/features/, a folder for each."""
