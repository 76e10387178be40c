"""Who calls: bearer tokens, the keys that sign them, and revocation (401)."""

from gateway.features.tokens.feature import Tokens

__all__ = ["Tokens"]
