"""Tests that need features say so, and go with them: see `make without`."""

import pytest


def needs(*features: str) -> pytest.MarkDecorator:
    """For a test, or as the `pytestmark` of a file, which may import them: without them it is not
    imported.
    """
    return pytest.mark.needs(*features)
