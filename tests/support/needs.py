"""The features that a test needs beside the one that it is about."""

import pytest


def needs(*features: str) -> pytest.MarkDecorator:
    return pytest.mark.needs(*features)
