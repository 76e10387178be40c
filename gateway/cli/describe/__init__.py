"""Declarations as proto text."""
