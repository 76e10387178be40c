"""Tests that need features say so."""

import pytest


def needs(*features: str) -> pytest.MarkDecorator:
    return pytest.mark.needs(*features)
