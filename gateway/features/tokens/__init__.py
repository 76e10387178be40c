"""Tokens: who calls."""

from gateway.features.tokens.feature import Tokens

__all__ = ["Tokens"]
