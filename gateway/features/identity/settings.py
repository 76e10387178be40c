"""IDENTITY."""

from gateway.core.settings.model import Strict
from gateway.core.settings.types import Identity


class IdentitySettings(Strict):
    identity: Identity = "fill"
